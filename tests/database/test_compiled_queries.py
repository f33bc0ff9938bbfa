"""A query composed once answers as one composed anew does, each time with the values it is given then."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection
from django.db.models import BigIntegerField, CharField, DateTimeField, F, OuterRef, Subquery

from filsluss.actions.upload import STILL_OPEN
from filsluss.models import Transfer, TransferFile
from filsluss.models.compiled_queries import CompiledQuery, CompiledUpdate, Param
from filsluss.models.room_queries import BY_STATE, COMING, LOCKED_TRANSFER, OUTSTANDING
from filsluss.models.upload_queries import file_at_upload_link, reload_progress, transfer_at_upload_link
from filsluss.rules.lifecycle import FileState, State
from filsluss.rules.tokens import Purpose
from tests.letters.cases import KEY, make_file, make_transfer
from tests.parts import tokens

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, UTC)


@pytest.fixture
def transfer():
    return make_transfer(NOW)


def link_of(transfer):
    return tokens.of_transfer(transfer, Purpose.UPLOAD, (KEY,))


def as_it_lies(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_transfer_found_by_its_link_is_the_row_and_no_other_link_finds_it(transfer):
    found = transfer_at_upload_link(link_of(transfer))
    assert as_it_lies(found) == as_it_lies(Transfer.objects.get())
    assert found.open_until.utcoffset() is not None
    assert transfer_at_upload_link("x" * 43) is None
    assert as_it_lies(transfer_at_upload_link(link_of(transfer))) == as_it_lies(found)


def test_a_file_found_by_its_upload_brings_its_transfer_without_another_query(
    transfer, django_assert_num_queries
):
    make_file(transfer, NOW, 1)
    second = make_file(transfer, NOW, 2, size=None, state=FileState.UPLOADING, with_code=True)
    link = link_of(transfer)
    with django_assert_num_queries(1):
        found = file_at_upload_link(link, second.upload_id)
        assert found.transfer.is_open_at(NOW)
        assert (found.blob, found.transfer.sender.proof) == (second.upload_id, "mailbox")
    assert as_it_lies(found.transfer) == as_it_lies(transfer)
    assert found.transfer.sender.address == "bo@rontgen.example"
    assert as_it_lies(found) == as_it_lies(TransferFile.objects.get(pk=second.pk))
    assert found.with_code is True
    assert file_at_upload_link("x" * 43, second.upload_id) is None
    assert file_at_upload_link(link_of(transfer), "u3") is None


def test_what_is_changed_by_others_is_seen_on_reload(transfer):
    file = make_file(transfer, NOW, state=FileState.UPLOADING, size=None)
    TransferFile.objects.update(state=FileState.ERASED, size=7, acknowledged=5, boot_id="b")
    reload_progress(file)
    assert (file.state, file.size, file.acknowledged, file.boot_id) == ("erased", 7, 5, "b")
    TransferFile.objects.all().delete()
    with pytest.raises(TransferFile.DoesNotExist):
        reload_progress(file)


def test_whether_it_is_still_open_is_asked_of_the_moment_that_is_given(transfer):
    end = transfer.open_until
    assert STILL_OPEN.rows(transfer=transfer.pk, now=end - timedelta(microseconds=1))
    assert not STILL_OPEN.rows(transfer=transfer.pk, now=end)
    assert not STILL_OPEN.rows(transfer=transfer.pk + 1, now=NOW)
    Transfer.objects.update(state=State.CLOSING)
    assert not STILL_OPEN.rows(transfer=transfer.pk, now=NOW)
    assert LOCKED_TRANSFER.rows(transfer=transfer.pk) == [[State.CLOSING, end, "", False, "first"]]


def test_sums_are_of_the_rows_there_are(transfer):
    before, after = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
    assert BY_STATE.rows(transfer=transfer.pk, but=0) == []
    assert COMING.rows(transfer=transfer.pk, but=0, since=before) == [[None]]
    assert OUTSTANDING.rows(but=0, since=before) == [[None, None, None]]
    make_file(transfer, NOW, 1, size=100)
    bare = make_file(transfer, NOW, 2, size=1000, acknowledged=1, arrived=1, state=FileState.UPLOADING)
    make_file(transfer, NOW, 3, size=None, arrived=20, state=FileState.UPLOADING)
    make_file(transfer, NOW, 4, size=10_000, state=FileState.ERASED)
    make_file(transfer, NOW, 5, size=1000, acknowledged=50, arrived=50, state=FileState.UPLOADING)
    by_state = [["erased", 1, 10_000], ["ready", 1, 100], ["uploading", 3, 2000]]
    assert sorted(BY_STATE.rows(transfer=transfer.pk, but=0)) == by_state
    assert ["uploading", 2, 1000] in BY_STATE.rows(transfer=transfer.pk, but=bare.pk)
    assert COMING.rows(transfer=transfer.pk, but=0, since=before) == [[2020]]
    assert COMING.rows(transfer=transfer.pk, but=bare.pk, since=before) == [[1020]]
    assert COMING.rows(transfer=transfer.pk, but=0, since=after) == [[71]]
    assert OUTSTANDING.rows(but=0, since=before) == [[950, 999, 20]]
    assert OUTSTANDING.rows(but=bare.pk, since=before) == [[950, 0, 20]]
    assert OUTSTANDING.rows(but=0, since=after) == [[0, 0, 20]]


def test_a_change_says_how_many_rows_it_changed_and_keeps_each_value_in_its_place(transfer):
    file, other = make_file(transfer, NOW, 1), make_file(transfer, NOW, 2)
    change = CompiledUpdate(
        lambda: TransferFile.objects.filter(pk=Param("file", BigIntegerField()), state=FileState.READY),
        name=Param("name", CharField()),
        acknowledged=F("size"),
    )
    assert change.change(file=file.pk, name="å'; --") == 1
    assert change.change(file=0, name="none") == 0
    file.refresh_from_db()
    assert (file.name, file.acknowledged) == ("å'; --", file.size)
    assert TransferFile.objects.get(pk=other.pk).name == other.name


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="only on PostgreSQL a change is read in one statement"
)
def test_a_change_that_is_read_returns_the_rows_as_it_left_them(transfer, django_assert_num_queries):
    file, _ = make_file(transfer, NOW, 1), make_file(transfer, NOW, 2)
    change = CompiledUpdate(
        lambda: TransferFile.objects.filter(pk=Param("file", BigIntegerField())),
        name=Param("name", CharField()),
    )
    case = Subquery(Transfer.objects.filter(pk=OuterRef("transfer"), state=State.OPEN).values("public_id"))
    read = change.returning(lambda: TransferFile.objects.values_list("pk", "name", "created_at", case))
    with django_assert_num_queries(1):
        assert read.rows(file=file.pk, name="å'; --") == [
            [file.pk, "å'; --", file.created_at, transfer.public_id]
        ]
    assert read.rows(file=0, name="none") == []


AT = CompiledUpdate(
    lambda: Transfer.objects.filter(pk=Param("transfer", BigIntegerField())),
    open_until=Param("at", DateTimeField()),
)
OPEN_UNTIL = CompiledQuery(
    lambda: Transfer.objects.filter(pk=Param("transfer", BigIntegerField())).values_list("open_until")
)


@pytest.mark.parametrize(
    "moment",
    [NOW, NOW.replace(microsecond=0), NOW.astimezone(timezone(timedelta(hours=5, minutes=30))), None],
)
def test_a_moment_is_the_same_to_a_composed_query_and_to_the_models(transfer, moment):
    AT.change(transfer=transfer.pk, at=moment)
    stored = Transfer.objects.filter(open_until=moment).values_list("open_until", flat=True)
    assert [*stored] == [moment] if moment else Transfer.objects.get(pk=transfer.pk).open_until is None
    assert OPEN_UNTIL.rows(transfer=transfer.pk) == [[moment]]


def test_a_query_without_a_value_for_a_place_is_not_asked(transfer):
    query = CompiledQuery(
        lambda: Transfer.objects.filter(pk=Param("transfer", BigIntegerField())).values_list("pk")
    )
    with pytest.raises(KeyError):
        query.rows()
