"""One letter for many files, one receipt for many fetches: what they wait for and what they say."""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from filsluss.actions import completion, download, erasure, expiry, upload
from filsluss.actions.choices import Choices
from filsluss.actions.send_again import NotSentAgain, send_once_more
from filsluss.actions.transitions import Cause
from filsluss.blobs import Digests
from filsluss.letters import collecting
from filsluss.letters.claims import Claimant
from filsluss.letters.outbox import deliver_next
from filsluss.models import AuditEntry, Letter, LetterCase, Link, Party, Pickup, Transfer, TransferFile
from filsluss.models.link import token_of
from filsluss.origin import NOWHERE, Origin, set_origin
from filsluss.rules.directions import Proof, Role
from filsluss.rules.lifecycle import ErasedBecause, FileState, Receipts
from filsluss.rules.tokens import Purpose, code_digest, read_code
from tests.actions.racing import race
from tests.letters.cases import ANNA, BO, example_policy, make_file, make_transfer
from tests.parts.services import services_for

POLICY = example_policy(code_keys=(b"c" * 32,))
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _from_nowhere():
    yield
    set_origin(NOWHERE)


@pytest.fixture
def transfer(now):
    return make_transfer(now, one_letter=True)


def uploading(transfer, now, number=1, **own):
    return TransferFile.objects.create(
        transfer=transfer,
        public_id=f"FFFF-222{number}",
        upload_id=f"u{number}",
        state=FileState.UPLOADING,
        name=f"ritning {number}.pdf",
        folded="x",
        size=1000,
        created_at=now,
        active_at=now,
        **own,
    )


def ready(transfer, now, number=1, *, policy=POLICY, **own):
    file = uploading(transfer, now, number, **own)
    TransferFile.objects.filter(pk=file.pk).update(state=FileState.RECEIVED, received_at=now)
    file.refresh_from_db()
    assert completion.make_ready(
        file, digests=Digests(str(number) * 64, 0), services=services_for(policy), now=now
    )
    return file


def letters(kind):
    return list(Letter.objects.filter(kind=kind).order_by("pk"))


def closed(now):
    return collecting.close_due(policy=POLICY, now=now)


def test_many_files_are_told_of_in_one_letter_a_quarter_after_the_last(transfer, now):
    ready(transfer, now, 1)
    ready(transfer, now + 10 * MINUTE, 2, with_code=True)
    assert [(each.delivery, each.text, each.subject) for each in letters("files-ready")] == [
        ("collecting", "", "")
    ]
    assert closed(now + 24 * MINUTE) == 0
    assert closed(now + 25 * MINUTE) == 1
    (letter,) = letters("files-ready")
    assert (letter.delivery, letter.to, letters("file-ready")) == ("queued", ANNA, [])
    assert [name in letter.text for name in ("ritning 1.pdf", "ritning 2.pdf")] == [True, True]
    assert closed(now + 60 * MINUTE) == 0


@pytest.mark.django_db(transaction=True)
def test_files_that_are_removed_at_the_same_moment_are_told_of_in_one_letter(transfer, now):
    files = [ready(transfer, now, number) for number in range(1, 9)]

    def remove(file):
        with transaction.atomic():
            collecting.collect_removed(file, transfer.recipient, policy=POLICY, now=now)

    assert race(*(partial(remove, file) for file in files)) == [None] * 8
    assert [letter.cases.count() for letter in letters("files-removed")] == [8]


def test_the_letter_has_one_link_to_the_page_of_all_files_and_each_code_beside_its_name(transfer, now):
    files = [ready(transfer, now, number, with_code=number > 1) for number in (1, 2, 3)]
    closed(now + 15 * MINUTE)
    (letter,) = letters("files-ready")
    token = token_of(transfer.recipient, Purpose.DOWNLOAD, POLICY.link_keys, file=files[0])
    address = f"{POLICY.base_url}/download/{token}"
    found = re.findall(r"\S+/download/\S+", letter.text)
    assert found == [f"{address}?lang=en", address]
    told = re.findall(r"(?m)^ *(\w{4}-\w{4}-\w{4})$", letter.text)
    assert [code_digest(POLICY.code_keys[0], read_code(code)) for code in told] == [
        Pickup.objects.get(file=file).code_digest for file in files[1:]
    ]


def test_it_waits_while_files_are_on_their_way_until_an_hour_before_the_end(transfer, now):
    ready(transfer, now, 1)
    uploading(transfer, now, 2)
    assert closed(now + 15 * MINUTE) == 0
    assert closed(now + timedelta(hours=5)) == 0
    end = transfer.open_until - timedelta(hours=1)
    assert closed(end - MINUTE) == 0
    assert closed(end) == 1
    assert "ritning 2" not in letters("files-ready")[0].text


def test_a_mailbox_that_got_many_letters_within_the_hour_gets_one_for_all_further_files(now):
    transfer, few = make_transfer(now), example_policy(code_keys=(b"c" * 32,), file_letters_per_hour=3)
    for number in (1, 2, 3, 4, 5):
        ready(transfer, now + number * MINUTE, number, policy=few, with_code=True)
    assert [each.delivery for each in letters("file-ready")] == ["queued"] * 3
    assert closed(now + 20 * MINUTE) == 1
    (letter,) = letters("files-ready")
    assert [f"ritning {number}.pdf" in letter.text for number in (3, 4, 5)] == [False, True, True]
    ready(transfer, now + 62 * MINUTE, 6, policy=few)
    assert len(letters("file-ready")) == 4
    assert POLICY.file_letters_per_hour == 50


def test_nor_does_the_button_that_sends_it_now_make_more_of_them(transfer, now):
    few = services_for(example_policy(code_keys=(b"c" * 32,), file_letters_per_hour=2))
    for number in (1, 2, 3, 4):
        ready(transfer, now + number * MINUTE, number, policy=few.policy)
        completion.send_now(transfer, services=few, now=now + number * MINUTE)
    assert [each.delivery for each in letters("files-ready")] == ["queued", "queued", "collecting"]
    assert completion.send_now(transfer, services=few, now=now + 62 * MINUTE) == 1
    assert [f"ritning {number}.pdf" in letters("files-ready")[2].text for number in (2, 3, 4)] == [
        *(False, True, True)
    ]


def test_nor_does_the_sender_who_has_each_of_them_sent_once_more(now):
    few = services_for(example_policy(code_keys=(b"c" * 32,), file_letters_per_hour=2))
    transfer = make_transfer(now)
    for number in (1, 2):
        ready(transfer, now, number, policy=few.policy)
    Letter.objects.update(delivery="sent", sent_at=now)
    first = letters("file-ready")[0]
    with pytest.raises(NotSentAgain, match="often"):
        send_once_more(first, services=few, now=now + 59 * MINUTE)
    assert send_once_more(first, services=few, now=now + 61 * MINUTE).again_of == first


def test_it_closes_though_the_clock_was_ahead_when_it_began(transfer, now):
    ready(transfer, now + timedelta(days=2), 1)
    assert closed(now) == 1


def test_letters_about_another_case_do_not_count(now):
    few = example_policy(code_keys=(b"c" * 32,), file_letters_per_hour=1)
    ready(make_transfer(now), now, 1, policy=few)
    ready(make_transfer(now, public_id="AAAA-2222"), now, 2, policy=few)
    assert len(letters("file-ready")) == 2


def test_a_file_that_becomes_ready_in_the_last_hour_is_told_of_at_once(transfer, now):
    late = transfer.open_until - timedelta(minutes=30)
    ready(transfer, late, 1)
    assert closed(late) == 1


def test_the_sender_may_send_it_now_though_others_are_on_their_way(transfer, now):
    ready(transfer, now, 1)
    uploading(transfer, now, 2)
    assert completion.send_now(transfer, services=services_for(POLICY), now=now) == 1
    assert [each.delivery for each in letters("files-ready")] == ["queued"]
    assert completion.send_now(transfer, services=services_for(POLICY), now=now) == 0
    ready(transfer, now + MINUTE, 3)
    assert [each.delivery for each in letters("files-ready")] == ["queued", "collecting"]


def test_a_file_taken_away_before_it_closes_is_not_told_of_and_nothing_left_is_no_letter(transfer, now):
    one, two = ready(transfer, now, 1), ready(transfer, now, 2)
    erasure.take_away(one, because=ErasedBecause.WITHDRAWN, cause=Cause("sender"), now=now)
    closed(now + 15 * MINUTE)
    (letter,) = letters("files-ready")
    assert [name in letter.text for name in ("ritning 1.pdf", "ritning 2.pdf")] == [False, True]
    Letter.objects.all().delete()
    three = ready(transfer, now, 3)
    for file in (two, three):
        erasure.take_away(file, because=ErasedBecause.WITHDRAWN, cause=Cause("sender"), now=now)
    closed(now + 15 * MINUTE)
    assert [(each.delivery, each.text) for each in letters("files-ready")] == [("withdrawn", "")]


def test_a_file_taken_away_after_it_closed_is_taken_out_of_the_letter_that_waits(transfer, now):
    one = ready(transfer, now, 1)
    ready(transfer, now, 2)
    closed(now + 15 * MINUTE)
    erasure.take_away(one, because=ErasedBecause.REMOVED, cause=Cause("administrator"), now=now + 16 * MINUTE)
    (letter,) = letters("files-ready")
    assert (letter.delivery, letter.text) == ("collecting", "")
    assert closed(now + 16 * MINUTE) == 1
    (letter,) = letters("files-ready")
    assert [name in letter.text for name in ("ritning 1.pdf", "ritning 2.pdf")] == [False, True]


def test_a_letter_that_is_opened_again_joins_the_one_that_collects(transfer, now):
    one, two = ready(transfer, now, 1), ready(transfer, now, 2)
    closed(now + 15 * MINUTE)
    three = ready(transfer, now + 16 * MINUTE, 3)
    erasure.take_away(one, because=ErasedBecause.WITHDRAWN, cause=Cause("sender"), now=now + 17 * MINUTE)
    assert [each.delivery for each in letters("files-ready")] == ["withdrawn", "collecting"]
    told_of = set(LetterCase.objects.filter(letter__delivery="collecting").values_list("file_id", flat=True))
    assert told_of >= {two.pk, three.pk}


def test_when_the_account_ends_what_collects_about_its_files_is_withdrawn(transfer, now):
    ready(transfer, now, 1)
    expiry.end_accounts(services=services_for(POLICY), now=transfer.open_until)
    assert [each.delivery for each in letters("files-ready")] == ["withdrawn"]


def test_the_last_upload_that_names_a_choice_sets_it_for_the_case(transfer, now, store):
    def begin(**chosen):
        upload.begin(
            transfer,
            name="x",
            size=1,
            choices=Choices(**chosen),
            services=services_for(POLICY, store, boot_id="b"),
            now=now,
        )
        return Transfer.objects.values_list("one_letter", "receipts").get()

    assert begin(one_letter=False) == (False, "first")
    assert begin() == (False, "first")
    assert begin(receipts=Receipts.NONE) == (False, "none")
    assert begin(one_letter=True, receipts=Receipts.EACH) == (True, "each")


# Receipts


def fetch(file, now, start=0, stop=None, purpose=Purpose.DOWNLOAD):
    link = Link.objects.select_related("transfer", "party", "file__transfer").get(file=file, purpose=purpose)
    download.record_sent_bytes(
        link, start=start, reached=stop or file.size, services=services_for(POLICY), now=now
    )


def test_twelve_files_fetched_as_one_archive_are_one_receipt(now):
    transfer = make_transfer(now)
    files = [ready(transfer, now, number) for number in "23456789ABCD"]
    for file in files:
        fetch(file, now)
    assert len(letters("files-downloaded")) == 1
    assert closed(now + 9 * MINUTE) == 0
    assert closed(now + 10 * MINUTE) == 1
    (letter,) = letters("files-downloaded")
    assert (letter.to, letter.text.count("ritning")) == (BO, 12)


def test_a_fetch_that_is_recorded_again_as_nobody_knew_that_it_was_counts_once(now):
    file = ready(make_transfer(now), now, 1)
    fetch(file, now)
    fetch(file, now)
    assert file.pickups.get().fetches == 1
    fetch(file, now + MINUTE)
    assert file.pickups.get().fetches == 2


def test_a_file_that_was_taken_away_while_it_was_sent_was_not_fetched(now):
    file = ready(make_transfer(now), now, 1)
    TransferFile.objects.update(state=FileState.ERASING)
    fetch(file, now)
    assert (file.pickups.get().fetches, letters("files-downloaded")) == (0, [])


def test_a_file_fetched_later_is_a_receipt_of_its_own(now):
    transfer = make_transfer(now)
    one, two = ready(transfer, now, 1), ready(transfer, now, 2)
    fetch(one, now)
    closed(now + 10 * MINUTE)
    fetch(two, now + 11 * MINUTE)
    closed(now + 21 * MINUTE)
    assert [each.text.count("ritning") for each in letters("files-downloaded")] == [1, 1]


@pytest.mark.parametrize(("receipts", "told"), [("none", 0), ("first", 1), ("each", 2)])
def test_the_sender_hears_of_no_fetch_of_the_first_or_of_each(now, receipts, told):
    transfer = make_transfer(now, receipts=receipts)
    file = ready(transfer, now)
    for start in (timedelta(0), timedelta(hours=1)):
        fetch(file, now + start)
        closed(now + start + 10 * MINUTE)
    assert len(letters("files-downloaded")) == told
    assert Pickup.objects.get().fetches == 2


def test_a_receipt_outlives_the_file_and_the_account(now):
    transfer = make_transfer(now)
    file = ready(transfer, now)
    fetch(file, now)
    erasure.take_away(file, because=ErasedBecause.WITHDRAWN, cause=Cause("sender"), now=now)
    expiry.end_accounts(services=services_for(POLICY), now=transfer.open_until)
    assert closed(transfer.open_until) == 1
    assert [each.delivery for each in letters("files-downloaded")] == ["queued"]


def test_the_trail_does_not_grow_with_every_fetch_nor_with_every_address_of_a_network(now):
    file = ready(make_transfer(now), now)
    for step, stop in (("partly-fetched", 1), ("fetched", None)):
        for number in range(30):
            set_origin(Origin(f"2001:db8::{number + 1:x}", ""))
            fetch(file, now + timedelta(microseconds=number), stop=stop)
        noted = AuditEntry.objects.filter(step=step)
        assert noted.count() == {"partly-fetched": 1, "fetched": download.NOTED_OF_NETWORK}[step]
        for number in range(download.NOTED_IN_ALL + 10):
            set_origin(Origin(f"2001:db8:0:{number + 1:x}::1", ""))
            fetch(file, now + timedelta(microseconds=number), stop=stop)
        assert noted.count() == download.NOTED_IN_ALL
    set_origin(Origin("2001:db8::1", ""))
    fetch(file, now + timedelta(days=1))
    assert (noted.count(), Pickup.objects.get().fetches) == (
        download.NOTED_IN_ALL + 1,
        30 + download.NOTED_IN_ALL + 10 + 1,
    )


# Spans, and what a fetch proves


def test_segments_fetched_at_once_and_in_any_order_are_one_fetch(now):
    file = ready(make_transfer(now), now)
    for start in (750, 250, 500):
        fetch(file, now, start, start + 250)
    pickup = Pickup.objects.get()
    assert (pickup.fetches, pickup.fetched_at, pickup.partly_at) == (0, None, now)
    fetch(file, now, 0, 250)
    pickup.refresh_from_db()
    assert (pickup.fetches, pickup.fetched_at, pickup.spans) == (1, now, [])


def test_the_last_byte_alone_or_all_but_the_last_is_no_fetch(now):
    file = ready(make_transfer(now), now)
    fetch(file, now, 999, 1000)
    fetch(file, now, 0, 998)
    assert (Pickup.objects.get().fetches, letters("files-downloaded")) == (0, [])


def test_a_fetch_by_the_letters_link_proves_the_mailbox_and_one_by_code_does_not(now):
    transfer = make_transfer(now)
    file = ready(transfer, now, with_code=True)
    fetch(file, now, purpose=Purpose.PICKUP)
    recipient = Party.objects.filter(transfer=transfer, role=Role.RECIPIENT)
    assert recipient.get().proof == Proof.NONE
    fetch(file, now + MINUTE)
    assert (recipient.get().proof, recipient.get().proved_at) == (Proof.MAILBOX, now + MINUTE)


def test_what_collects_survives_a_worker_that_closes_it_twice_and_is_delivered_once(
    transfer, now, mail_server
):
    ready(transfer, now, 1)
    later = now + 15 * MINUTE
    letter = letters("files-ready")[0]
    assert [collecting.close(letter, policy=POLICY, now=later) for _ in range(2)] == [True, False]
    while deliver_next(Claimant(), policy=POLICY, now=later):
        pass
    assert [each.kind for each in mail_server.letters] == ["files-ready"]


def files_of(now):
    """The one transfer of the test, with a letter for each file."""
    return Transfer.objects.first() or make_transfer(now)


def removed(file, now):
    """The sender removes a file, and its bytes are erased."""
    upload.remove_own(file, now=now)
    file.refresh_from_db()
    TransferFile.objects.filter(pk=file.pk).update(state=FileState.ERASED)
    file.refresh_from_db()
    erasure.queue_removed(file, services=services_for(POLICY), now=now)


def test_of_many_files_that_are_removed_the_sixth_and_further_ones_come_in_one_letter(now):
    files = [ready(files_of(now), now, number) for number in range(1, 9)]
    for file in files:
        removed(file, now)
    assert [len(letters("file-removed")), len(letters("files-removed"))] == [2 * 5, 2]
    assert closed(now + 4 * MINUTE) == 0
    assert closed(now + 5 * MINUTE) == 2
    for letter in letters("files-removed"):
        assert [number for number in range(1, 9) if f"ritning {number}.pdf" in letter.text] == [6, 7, 8]
    assert {letter.to for letter in letters("files-removed")} == {ANNA, BO}


def test_an_hour_later_a_removal_has_a_letter_of_its_own_again(now):
    files = [ready(files_of(now), now, number) for number in range(1, 7)]
    for file in files[:5]:
        removed(file, now)
    removed(files[5], now + 61 * MINUTE)
    assert (len(letters("file-removed")), letters("files-removed")) == (2 * 6, [])


def test_a_letter_that_waits_for_files_in_progress_closes_an_hour_before_the_end(transfer, now):
    ready(transfer, now, 1)
    uploading(transfer, now, 2)
    end = transfer.open_until - timedelta(hours=1)
    (letter,) = letters("files-ready")
    assert not collecting.close(letter, policy=POLICY, now=end - MINUTE / 2)
    letter.refresh_from_db()
    assert (letter.delivery, letter.next_try_at) == ("collecting", end)


def test_what_a_reopened_letter_told_of_is_told_once_by_the_one_that_collects_by_now(transfer, now):
    both, first = ready(transfer, now, 1), ready(transfer, now, 2)
    (queued,) = letters("files-ready")
    assert collecting.close(queued, policy=POLICY, now=now, at_once=True)
    later = ready(transfer, now, 3)
    queued, collects = letters("files-ready")
    LetterCase.objects.create(letter=collects, transfer=transfer, party=transfer.recipient, file=both)
    collecting.reopen([queued], now=now)
    told = sorted(collects.cases.values_list("file", flat=True))
    assert told == sorted(file.pk for file in (both, first, later))
    queued.refresh_from_db()
    assert (queued.delivery, queued.cases.count()) == ("withdrawn", 0)


@pytest.mark.parametrize("kind", ["files-ready", "files-downloaded", "files-removed"])
def test_a_letter_about_many_files_asks_the_database_as_often_as_one_about_two(now, kind):
    asked = []
    for count in (2, 9):
        case = make_transfer(now, public_id=f"K7PM-222{count}")
        reader = case.sender if kind == "files-downloaded" else case.recipient
        letter = Letter.objects.create(
            kind=kind,
            key=f"{kind}:{count}",
            public_id=str(count) * 22,
            role=reader.role,
            to=reader.address,
            language="sv",
            delivery="collecting",
            collects=f"{kind}:{case.recipient.public_id}:{count}",
            written_at=now,
            next_try_at=now,
        )
        for number in range(count):
            ids = {"public_id": f"FFFF-2{count}2{number}", "upload_id": f"u{count}{number}"}
            file = make_file(case, now, **ids)
            LetterCase.objects.create(letter=letter, transfer=case, party=reader, file=file)
        with CaptureQueriesContext(connection) as queries:
            assert collecting.close(letter, policy=POLICY, now=now, at_once=True)
        asked.append(len(queries))
    assert asked[0] == asked[1]
