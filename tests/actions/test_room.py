"""Room: what files take of account and disk, what promises weigh, and who gets the last place."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connections

from filsluss.actions import room, upload
from filsluss.actions.announcement import Announced, announce_all
from filsluss.actions.choices import NO_CHOICE
from filsluss.actions.erasure import erase_files
from filsluss.actions.room import UploadRefused
from filsluss.actions.upload import remove_own
from filsluss.models import TransferFile
from filsluss.models.room_queries import PIECE
from filsluss.rules.lifecycle import FileState
from filsluss.sqlite.reserve import Reserve
from tests.actions.racing import race
from tests.letters.cases import example_policy, make_file, make_transfer
from tests.parts.services import services_for, writing

MIB, GIB = 1 << 20, 1 << 30
MINUTE = timedelta(minutes=1)
POLICY = example_policy(max_transfer_size=10 * MIB, max_file_size=2 * GIB)
LARGE = example_policy(max_transfer_size=500 * GIB, free_space_percent=5.0)


class FakeDisk:
    """The disk of blobs alone, with figures that the test chooses; what is written is on a real one."""

    def __init__(self, store, free, size=100 * GIB):
        self._store, self.free, self.size = store, free, size
        store.space()  # makes its folder

    def __getattr__(self, name):
        return getattr(self._store, name)

    def space(self):
        return self.free, self.size

    def shares_disk_with(self, folder):
        return False


@pytest.fixture
def announce(store, now):
    def announced(transfer, size, *, policy=POLICY, at=now, disk=None):
        return upload.begin(
            transfer, name="a", size=size, services=services_for(policy, disk or store, boot_id="b"), now=at
        )

    return announced


@pytest.fixture
def refusal(announce):
    """The code with which an announcement is refused; empty if it is taken."""

    def code(*words, **how):
        try:
            announce(*words, **how)
        except UploadRefused as refused:
            return refused.code
        return ""

    return code


@pytest.fixture
def take(store, now):
    def taken(file, offset, most=MIB, *, policy=POLICY, at=now, disk=None):
        return room.take_room(
            file, offset=offset, most=most, services=services_for(policy, disk or store), now=at
        )

    return taken


def figure(transfer, now, policy=POLICY):
    """What its files take, by the query and by the rows."""
    by_query = room.account_of(transfer.pk, services=services_for(policy), now=now).taken
    by_rows = sum(each.taken_at(now, lasts=policy.promise_lasts) for each in transfer.files.all())
    assert by_query == by_rows
    return by_query


@pytest.mark.django_db
class TestOneFigure:
    def test_an_announced_file_takes_its_size_and_one_of_unknown_length_what_it_reserved(
        self, announce, take, now
    ):
        transfer = make_transfer(now)
        announce(transfer, 3 * MIB)
        unknown = announce(transfer, None)
        assert figure(transfer, now) == 3 * MIB
        assert take(unknown, 0) == MIB
        assert figure(transfer, now) == 4 * MIB
        upload.acknowledge(unknown, offset=1000, boot_id="b", now=now)
        assert figure(transfer, now) == 3 * MIB + 1000

    def test_whole_files_take_their_size_and_erased_ones_nothing(self, now):
        transfer = make_transfer(now)
        for number, state in enumerate((FileState.RECEIVED, FileState.READY, FileState.ERASED), 1):
            make_file(transfer, now, number, size=MIB, state=state)
        assert figure(transfer, now) == 2 * MIB

    def test_a_promise_fades_and_what_has_come_stays(self, announce, take, refusal, now):
        transfer, over = make_transfer(now), now + 10 * MINUTE
        file = announce(transfer, 8 * MIB)
        upload.acknowledge(file, offset=MIB, boot_id="b", now=now)
        assert refusal(transfer, 3 * MIB, at=over - timedelta(seconds=1)) == "quota_exceeded"
        assert figure(transfer, over) == MIB
        assert refusal(transfer, 8 * MIB, at=over) == ""
        file.refresh_from_db()
        assert file.state == FileState.UPLOADING
        with pytest.raises(UploadRefused, match="quota_exceeded"):
            take(file, MIB, at=over)
        TransferFile.objects.exclude(pk=file.pk).delete()
        assert take(file, MIB, at=over) > MIB
        assert figure(transfer, over) == 8 * MIB

    def test_a_request_without_a_byte_keeps_no_promise_alive(self, announce, now):
        transfer, later = make_transfer(now), now + 9 * MINUTE
        file = announce(transfer, 8 * MIB)
        assert upload.acknowledge(file, offset=0, boot_id="b", now=later) is True
        assert figure(transfer, now + 11 * MINUTE) == 0
        assert upload.acknowledge(file, offset=1, boot_id="b", now=later) is True
        assert figure(transfer, now + 11 * MINUTE) == 8 * MIB

    def test_as_much_as_is_left_is_granted_and_then_no_more(self, announce, take, now):
        transfer = make_transfer(now)
        announce(transfer, 7 * MIB)
        file = announce(transfer, None)
        assert [take(file, 0, 2 * MIB), take(file, 2 * MIB, 2 * MIB)] == [2 * MIB, 3 * MIB]
        with pytest.raises(UploadRefused, match="quota_exceeded"):
            take(file, 3 * MIB)

    def test_the_length_that_is_declared_late_is_asked_for_too(self, announce, store, now):
        transfer = make_transfer(now)
        announce(transfer, 7 * MIB)
        file = announce(transfer, None)
        how = {"services": services_for(POLICY, store), "now": now}
        with pytest.raises(UploadRefused, match="quota_exceeded"):
            upload.declare_size(file, size=4 * MIB, **how)
        upload.declare_size(file, size=3 * MIB, **how)
        assert figure(transfer, now) == 10 * MIB

    def test_a_length_that_is_declared_late_needs_room_for_what_has_not_come_only(
        self, announce, take, store, now
    ):
        disk, transfer = FakeDisk(store, 5 * GIB + 3 * MIB), make_transfer(now)  # 5 GiB are kept free
        file, other = (announce(transfer, None, policy=LARGE, disk=disk) for _ in range(2))
        services = services_for(LARGE, disk)
        for each in (file, other):
            take(each, 0, MIB, policy=LARGE, disk=disk)
            upload.acknowledge(each, offset=MIB, boot_id="b", now=now)
        disk.free -= 2 * MIB
        with pytest.raises(UploadRefused, match="disk_full"):
            upload.declare_size(file, size=2 * MIB + 1, services=services, now=now)
        upload.declare_size(file, size=2 * MIB, services=services, now=now)
        disk.free = 5 * GIB - 1
        upload.declare_size(other, size=MIB, services=services, now=now)

    def test_the_last_of_the_files_an_account_may_have_can_be_declared(self, announce, store, now):
        transfer, policy = make_transfer(now), replace(POLICY, max_files=2)
        announce(transfer, 1, policy=policy)
        file = announce(transfer, None, policy=policy)
        upload.declare_size(file, size=5, services=services_for(policy, store), now=now)
        assert TransferFile.objects.get(pk=file.pk).size == 5

    def test_an_account_that_is_full_takes_no_file_of_unknown_length(self, announce, refusal, now):
        transfer = make_transfer(now)
        announce(transfer, 10 * MIB)
        assert [refusal(transfer, None), refusal(transfer, 0)] == ["quota_exceeded", ""]

    def test_a_promise_that_holds_asks_nothing_of_the_database(
        self, announce, take, now, django_assert_num_queries
    ):
        file = announce(make_transfer(now), 3 * MIB)
        with django_assert_num_queries(0):
            assert take(file, 0) > 0

    def test_a_writer_whose_lease_is_over_reserves_nothing(self, announce, take, now):
        file = announce(make_transfer(now), None)
        TransferFile.objects.update(epoch=7)
        with pytest.raises(UploadRefused, match="upload_gone"):
            take(file, 0)
        assert TransferFile.objects.get().arrived == 0

    def test_an_account_that_was_closed_meanwhile_takes_no_further_piece(self, announce, take, now):
        file = announce(make_transfer(now), None)
        file.transfer.__class__.objects.update(state="closing", closed_reason="Missbruk")
        with pytest.raises(UploadRefused, match="account_closed_by_admin"):
            take(file, 0)


@pytest.mark.django_db
class TestDisk:
    def test_promises_without_bytes_weigh_a_tenth_of_what_is_free(self, announce, refusal, store, now):
        disk, transfer = FakeDisk(store, 61 * GIB), make_transfer(now)
        for _ in range(24):
            announce(transfer, 2 * GIB, policy=LARGE, disk=disk)
        assert room.outstanding(disk.free, services=services_for(LARGE), now=now) == 61 * GIB // 10
        assert refusal(transfer, 48 * GIB, policy=replace(LARGE, max_file_size=50 * GIB), disk=disk) == ""
        assert room.outstanding(disk.free, services=services_for(LARGE), now=now + 10 * MINUTE) == 0

    def test_one_byte_does_not_make_a_promise_weigh(self, announce, store, now):
        disk, transfer = FakeDisk(store, 61 * GIB), make_transfer(now)
        for _ in range(24):
            upload.acknowledge(
                announce(transfer, 2 * GIB, policy=LARGE, disk=disk), offset=1, boot_id="b", now=now
            )
        assert room.outstanding(disk.free, services=services_for(LARGE), now=now) == 61 * GIB // 10

    def test_a_promise_that_is_being_kept_weighs_what_is_still_to_come(self, announce, refusal, store, now):
        disk, transfer = FakeDisk(store, 10 * GIB), make_transfer(now)
        file = announce(transfer, 2 * GIB, policy=LARGE, disk=disk)
        upload.acknowledge(file, offset=GIB // 2, boot_id="b", now=now)
        assert room.outstanding(disk.free, services=services_for(LARGE), now=now) == 3 * GIB // 2

    def test_whoever_is_alone_gets_what_is_free(self, refusal, store, now):
        disk = FakeDisk(store, 10 * GIB)
        assert refusal(make_transfer(now), 2 * GIB, policy=LARGE, disk=disk) == ""

    def test_what_must_stay_free_stays_free(self, announce, refusal, take, store, now):
        disk, transfer = FakeDisk(store, 5 * GIB + 3 * MIB), make_transfer(now)
        assert refusal(transfer, 4 * MIB, policy=LARGE, disk=disk) == "disk_full"
        announced, unknown = (announce(transfer, size, policy=LARGE, disk=disk) for size in (2 * MIB, None))
        disk.free = 5 * GIB
        for file in (announced, unknown):
            with pytest.raises(UploadRefused, match="disk_full"):
                take(file, 0, policy=LARGE, disk=disk)

    def test_while_the_reserve_of_the_database_cannot_be_laid_nothing_is_taken(
        self, announce, refusal, take, store, now, tmp_path, monkeypatch
    ):
        disk, transfer = FakeDisk(store, 50 * GIB), make_transfer(now)
        file = announce(transfer, MIB, disk=disk)
        reserve = Reserve(tmp_path / "filsluss.sqlite3")
        reserve.size = 1 << 60  # more than any disk has
        monkeypatch.setattr(type(connections["default"]), "reserve", reserve, raising=False)
        with pytest.raises(UploadRefused, match="disk_full"):
            take(file, 0, disk=disk)
        assert refusal(transfer, MIB, disk=disk) == "disk_full"

    def test_near_the_end_of_the_disk_pieces_are_small(self, announce, take, store, now):
        disk, transfer = FakeDisk(store, 50 * GIB), make_transfer(now)
        file = announce(transfer, 2 * GIB, policy=LARGE, disk=disk)
        assert take(file, 0, policy=LARGE, disk=disk) == PIECE
        disk.free = 5 * GIB + 80 * MIB
        assert take(file, 0, policy=LARGE, disk=disk) == 10 * MIB
        disk.free = 5 * GIB + 1000
        assert take(file, 0, policy=LARGE, disk=disk) == 1000


@pytest.mark.django_db
def test_only_so_many_files_are_ever_made_removed_ones_included(announce, refusal, store, now):
    transfer, policy = make_transfer(now), replace(POLICY, max_files_ever=3)
    for size in (1, None, 0):
        remove_own(announce(transfer, size, policy=policy), now=now)
    erase_files(services=services_for(policy, store), now=now)
    assert {file.state for file in transfer.files.all()} == {FileState.ERASED}
    assert [refusal(transfer, size, policy=policy) for size in (1, None, 0)] == ["too_many_files"] * 3
    assert transfer.files.count() == 3
    assert example_policy().max_files_ever == 2000


@pytest.mark.django_db
class TestAfterACrash:
    def test_what_was_reserved_and_never_written_is_given_back(self, announce, take, store, now):
        file = announce(make_transfer(now), None)
        take(file, 0, 5 * MIB)
        with writing(file.blob, store) as writer:
            writer.write(b"012")
            assert room.tidy(services=services_for(POLICY, store), now=now + 5 * MINUTE) == 0
        assert room.tidy(services=services_for(POLICY, store), now=now + 5 * MINUTE) == 1
        assert TransferFile.objects.get().arrived == 3
        assert room.tidy(services=services_for(POLICY, store), now=now + 5 * MINUTE) == 0

    def test_what_was_written_and_never_acknowledged_counts(self, announce, store, now):
        transfer = make_transfer(now)
        file = announce(transfer, 5 * MIB)
        with store.writer(file.blob) as writer:
            writer.write(b"0" * MIB)
        room.tidy(services=services_for(POLICY, store), now=now + 20 * MINUTE)
        assert figure(transfer, now + 20 * MINUTE) == MIB


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [MIB, None])
def test_of_twenty_writers_for_the_last_place_of_an_account_one_gets_it(announce, take, now, size):
    transfer = make_transfer(now)
    announce(transfer, 9 * MIB)

    def fill():
        file = announce(transfer.__class__.objects.get(), size)
        return take(file, 0)

    outcomes = race(*[fill] * 20)
    assert sorted(map(str, outcomes)) == sorted([str(MIB)] + ["quota_exceeded"] * 19)
    assert figure(transfer, now) == 10 * MIB


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [MIB, None])
def test_of_twenty_writers_for_the_last_place_of_a_disk_one_gets_it(announce, take, store, now, size):
    """Each in an account of its own."""
    disk = FakeDisk(store, 5 * GIB + MIB)
    transfers = [make_transfer(now, public_id=f"AAAA-22{number:02}") for number in range(20)]

    def fill(transfer):
        return take(announce(transfer, size, policy=LARGE, disk=disk), 0, policy=LARGE, disk=disk)

    outcomes = race(*[lambda each=each: fill(each) for each in transfers])
    assert sorted(map(str, outcomes)) == sorted([str(MIB)] + ["disk_full"] * 19)


@pytest.mark.django_db
def test_of_two_announcements_that_come_together_one_gets_the_last_of_the_disk(store, now):
    disk = FakeDisk(store, free=5 * GIB + 60 * MIB)  # 5 GiB are kept free
    services, transfer = services_for(LARGE, disk), make_transfer(now)

    def announced(size):
        new = {**upload.identity("a"), "transfer_id": transfer.pk, "created_at": now, "active_at": now}
        return Announced(TransferFile(size=size, **new), transfer, NO_CHOICE, services, now)

    outcomes = announce_all([announced(40 * MIB), announced(40 * MIB), announced(10 * MIB)])
    assert [getattr(outcome, "code", "") for outcome in outcomes] == ["", "disk_full", ""]
    stored = TransferFile.objects.order_by("pk").values_list("pk", "size")
    assert list(stored) == [(outcomes[0], 40 * MIB), (outcomes[2], 10 * MIB)]


@pytest.mark.django_db
def test_announcements_that_come_together_have_the_ids_of_their_own_rows(store, now):
    services, transfer = services_for(POLICY, store), make_transfer(now)
    files = [
        TransferFile(
            **upload.identity(f"{number}"),
            transfer_id=transfer.pk,
            size=number,
            created_at=now,
            active_at=now,
        )
        for number in range(1, 6)
    ]
    ids = announce_all([Announced(file, transfer, NO_CHOICE, services, now) for file in files])
    assert list(TransferFile.objects.order_by("pk").values_list("pk", "upload_id")) == [
        (row_id, file.upload_id) for row_id, file in zip(ids, files, strict=True)
    ]
