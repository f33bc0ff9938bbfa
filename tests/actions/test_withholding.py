"""Withholding: what an administrator removed is shut at once, waits, and is given back or erased and told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from filsluss.actions import completion, erasure, expiry, oversee, reminders, room, upload, withholding
from filsluss.actions.apply import apply
from filsluss.actions.choices import Choices
from filsluss.actions.integrity.findings import World
from filsluss.actions.integrity.repair import reconcile, verify_world
from filsluss.actions.send_again import send_once_more
from filsluss.actions.transitions import StepRefused
from filsluss.letters import collecting
from filsluss.letters.claims import Claimant
from filsluss.letters.outbox import deliver_next
from filsluss.models import AuditEntry, Letter, Pickup, TransferFile
from filsluss.rules.application import Application
from filsluss.rules.lifecycle import ErasedBecause, FileState, RemovalCode
from filsluss.rules.networks import Client
from filsluss.rules.refusals import FormRefused
from filsluss.streams.files_api import may_differ
from tests.letters.cases import example_policy
from tests.parts.people import ANNA, BO
from tests.parts.services import services_for

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLICY = example_policy(code_keys=(b"c" * 32,), undo_lasts=6 * HOUR, max_file_size=1 << 20)
BOOT = "boot"
pytestmark = pytest.mark.django_db


class House:
    """An open account with its files, and what is done to them."""

    def __init__(self, store, now, policy=POLICY):
        self.services, self.now = services_for(policy, store, boot_id=BOOT), now
        asked = Application("Anna Berg", ANNA, BO, "Ritningar", days=7)
        here = Client("127.0.0.1", may_be_inside=True)
        self.transfer = apply(asked, services=self.services, now=now, client=here)

    def received(self, name="ritning.pdf", **choices):
        file = upload.begin(
            self.transfer, name=name, size=7, choices=Choices(**choices), services=self.services, now=self.now
        )
        with self.services.store.writer(file.blob) as writer:
            writer.write(b"ritning")
            writer.sync()
        upload.receive(file, boot_id=BOOT, now=self.now)
        return file

    def ready(self, name="ritning.pdf", **choices):
        file = self.received(name, **choices)
        completion.ready_received(services=self.services, now=self.now)
        file.refresh_from_db()
        return file

    def remove(self, file, code="other", text="Fel fil", *, at_once=False):
        removal = oversee.Removal(oversee.Reason(text, "os:eva"), code, at_once)
        waits = oversee.remove_or_withhold(file, removal=removal, services=self.services, now=self.now)
        file.refresh_from_db()
        return waits

    def give_back(self, file):
        oversee.give_back(file, person="os:karin", services=self.services, now=self.now)
        file.refresh_from_db()

    def work(self):
        expiry.end_accounts(services=self.services, now=self.now)
        withholding.end_withheld(services=self.services, now=self.now)
        while erasure.erase_files(services=self.services, now=self.now):
            pass

    def deliver(self):
        while deliver_next(Claimant(), policy=self.services.policy, now=self.now):
            pass

    @property
    def world(self):
        return World(self.services, self.now, checksums=True)


@pytest.fixture
def house(store, now):
    return House(store, now)


def state(file):
    file.refresh_from_db()
    return file.state


def letters(*kinds):
    rows = Letter.objects.filter(kind__in=kinds).order_by("pk")
    return [(row.kind, row.role, row.delivery) for row in rows]


def steps(file):
    return list(AuditEntry.objects.filter(file_public_id=file.public_id).values_list("step", "person"))


def test_without_the_setting_a_removed_file_is_erased_and_told_of_at_once(store, now):
    house = House(store, now, replace(POLICY, undo_lasts=timedelta(0)))
    file = house.ready()
    assert (house.remove(file), file.state) == (False, FileState.ERASING)
    house.work()
    assert (state(file), len(letters("file-removed"))) == (FileState.ERASED, 2)
    assert [step for step, _ in steps(file)][-2:] == ["file-removed", "file-erased"]


def test_it_is_shut_at_once_and_erased_and_told_of_after_the_hours(house):
    file = house.ready()
    house.deliver()
    assert (house.remove(file, "wrong-recipient"), file.state) == (True, FileState.WITHHELD)
    assert (file.is_open_at(house.now), file.withheld_until) == (False, house.now + 6 * HOUR)
    house.now += 6 * HOUR - timedelta(seconds=1)
    house.work()
    assert (house.services.store.exists(file.blob), letters("file-removed")) == (True, [])
    assert verify_world(house.world) == []
    house.now += timedelta(seconds=1)
    house.work()
    assert (state(file), house.services.store.exists(file.blob)) == (FileState.ERASED, False)
    told = Letter.objects.filter(kind="file-removed")
    assert sorted(told.values_list("role", flat=True)) == ["recipient", "sender"]
    for letter in told:
        assert ("Den skickades till fel mottagare." in letter.text, "Fel fil" in letter.text) == (True, True)
    assert steps(file)[-3:] == [("file-withheld", "os:eva"), ("file-removed", ""), ("file-erased", "")]
    assert AuditEntry.objects.get(step="file-withheld").detail == {"removal": "wrong-recipient"}
    assert verify_world(house.world) == []


def test_what_is_given_back_opens_as_before_and_nobody_is_told_twice(house):
    file = house.ready(with_code=True)
    house.deliver()
    before = Pickup.objects.values().get()
    house.remove(file)
    house.give_back(file)
    assert (file.state, file.is_open_at(house.now)) == (FileState.READY, True)
    assert (file.erased_because, file.removed_by, file.removal_reason, file.removal_code) == ("",) * 4
    assert Pickup.objects.values().get() == before
    house.now += DAY
    house.work()
    house.deliver()
    assert (state(file), letters("file-removed")) == (FileState.READY, [])
    assert letters("file-ready") == [("file-ready", "recipient", "sent")]
    assert steps(file)[-2:] == [("file-withheld", "os:eva"), ("file-restored", "os:karin")]
    assert verify_world(house.world) == []


def test_a_letter_that_had_not_left_waits_and_leaves_once_with_its_code(house):
    file = house.ready(with_code=True)
    text = Letter.objects.get(kind="file-ready").text
    house.remove(file)
    assert letters("file-ready") == [("file-ready", "recipient", "withdrawn")]
    house.now += HOUR
    house.deliver()
    house.give_back(file)
    letter = Letter.objects.get(kind="file-ready")
    assert (letter.delivery, letter.text, letter.written_at) == ("queued", text, house.now)
    house.deliver()
    assert letters("file-ready") == [("file-ready", "recipient", "sent")]
    assert verify_world(house.world) == []


@pytest.mark.parametrize("closed", ["before", "meanwhile", "after"])
def test_a_letter_about_many_files_tells_of_it_when_it_is_back(house, closed):
    """Also if it had been written with it, or left without it."""
    house.transfer.one_letter = True
    house.transfer.save()
    first, second = house.ready("ett.pdf"), house.ready("två.pdf")

    def close():
        house.now += HOUR
        collecting.close_due(policy=POLICY, now=house.now)

    if closed == "before":
        close()
    house.remove(first)
    if closed == "meanwhile":
        close()
        house.deliver()
        assert letters("files-ready") == [("files-ready", "recipient", "sent")]
    house.give_back(first)
    close()
    written = [row.text for row in Letter.objects.filter(kind="files-ready", delivery="queued")]
    assert len(written) == 1
    assert ("ett.pdf" in written[0], "två.pdf" in written[0]) == (True, closed != "meanwhile")
    assert (state(first), state(second)) == ("ready", "ready")
    house.deliver()
    assert verify_world(house.world) == []


def test_an_only_file_of_such_a_letter_is_told_of_when_it_is_back(house):
    house.transfer.one_letter = True
    house.transfer.save()
    file = house.ready()
    house.remove(file)
    house.now += HOUR
    collecting.close_due(policy=POLICY, now=house.now)
    house.give_back(file)
    house.now += HOUR
    collecting.close_due(policy=POLICY, now=house.now)
    assert letters("files-ready")[-1] == ("files-ready", "recipient", "queued")
    assert verify_world(house.world) == []


def test_a_reminder_that_became_untrue_is_written_again(house):
    file = house.ready()
    house.deliver()
    house.now += 6 * DAY
    reminders.remind_of_files(services=house.services, now=house.now)
    queued = letters("expiry-reminder")
    house.remove(file)
    assert {delivery for *_, delivery in letters("expiry-reminder")} == {"withdrawn"}
    house.give_back(file)
    assert (letters("expiry-reminder"), len(queued)) == (queued, 2)


def test_a_reminder_of_what_had_been_fetched_is_not_written_again(house):
    file = house.ready()
    house.deliver()
    house.now += 6 * DAY
    reminders.remind_of_files(services=house.services, now=house.now)
    Pickup.objects.update(fetched_at=house.now)
    house.remove(file)
    house.give_back(file)
    assert {delivery for *_, delivery in letters("expiry-reminder")} == {"withdrawn"}


def test_what_was_told_by_a_letter_about_many_files_and_reminded_of_is_not_told_again(house):
    house.transfer.one_letter = True
    house.transfer.save()
    file = house.ready()
    house.now += HOUR
    collecting.close_due(policy=POLICY, now=house.now)
    house.now += 6 * DAY
    reminders.remind_of_files(services=house.services, now=house.now)
    house.deliver()
    told = letters("files-ready", "expiry-reminder")
    assert [delivery for *_, delivery in told] == ["sent"] * 3
    house.remove(file)
    house.give_back(file)
    house.deliver()
    assert letters("files-ready", "expiry-reminder") == told


def test_a_letter_that_a_server_put_off_begins_anew(house, mail_server):
    file = house.ready()
    mail_server.refuse[BO] = "450 4.2.0 later"
    house.deliver()
    house.remove(file)
    house.give_back(file)
    letter = Letter.objects.get(kind="file-ready")
    assert (letter.delivery, letter.next_try_at, letter.tries) == ("queued", house.now, 0)
    assert (letter.last_error, letter.failure, letter.failed_at) == ("", "", None)


@pytest.mark.parametrize(("first", "second"), [("sent", "withdrawn"), ("given_up", "queued")])
def test_a_letter_that_was_being_sent_again_is_written_again_if_the_first_never_left(
    house, mail_server, first, second
):
    file = house.ready()
    mail_server.refuse = {BO: "550 5.1.1 no such user"} if first == "given_up" else {}
    house.deliver()
    house.now += HOUR
    send_once_more(Letter.objects.get(kind="file-ready"), services=house.services, now=house.now)
    house.remove(file)
    house.give_back(file)
    assert [delivery for *_, delivery in letters("file-ready")] == [first, second]


def test_a_letter_that_was_given_up_is_not_tried_again(house, mail_server):
    file = house.ready()
    mail_server.refuse[BO] = "550 5.1.1 no such user"
    house.deliver()
    house.remove(file)
    house.give_back(file)
    assert [delivery for *_, delivery in letters("file-ready")] == ["given_up"]


def test_an_upload_page_that_is_open_hears_that_it_is_back(house):
    file = house.ready()
    house.deliver()
    house.now += HOUR
    house.remove(file)
    house.give_back(file)
    assert may_differ(file, Letter.objects.get(kind="file-ready"), house.now)


@pytest.mark.parametrize("code", ["virus", "personal-data", "secrecy"])
def test_what_must_not_wait_never_does(house, code):
    file = house.ready()
    assert (house.remove(file, code, ""), state(file)) == (False, FileState.ERASING)
    with pytest.raises(StepRefused):
        house.give_back(file)


def test_erase_now_and_an_unfinished_file_do_not_wait(house):
    file = house.ready()
    begun = upload.begin(house.transfer, name="b.pdf", size=9, services=house.services, now=house.now)
    assert (house.remove(file, at_once=True), house.remove(begun)) == (False, False)
    assert (state(file), state(begun)) == (FileState.ERASING, FileState.ERASING)


def test_where_space_is_short_nothing_waits_and_what_waits_goes(house, store):
    file, other = house.ready("a.pdf"), house.ready("b.pdf")
    assert house.remove(file)
    house.services = services_for(replace(POLICY, max_file_size=1 << 60), store, boot_id=BOOT)
    assert not house.remove(other)
    house.work()
    assert (state(file), state(other), len(letters("file-removed"))) == ("erased", "erased", 4)


@pytest.mark.parametrize("how", ["end", "close"])
def test_it_goes_with_its_account(house, how):
    file = house.ready()
    house.deliver()
    house.remove(file)
    if how == "end":
        TransferFile.objects.update(withheld_until=house.now + 90 * DAY)
        house.now = house.transfer.open_until
        with pytest.raises(StepRefused):
            house.give_back(file)
        assert state(file) == FileState.WITHHELD
    else:
        oversee.close_transfer(
            house.transfer, reason=oversee.Reason("Slut", "os:eva"), services=house.services, now=house.now
        )
    house.work()
    house.transfer.refresh_from_db()
    assert (state(file), house.transfer.state) == (FileState.ERASED, "closed")
    assert file.erased_because == ErasedBecause.REMOVED
    assert len(letters("file-removed", "erased")) == 4
    assert verify_world(house.world) == []


def test_what_waits_can_still_be_erased_at_once_and_is_not_removed_twice(house):
    file = house.ready()
    house.remove(file)
    with pytest.raises(StepRefused):
        house.remove(file)
    assert (house.remove(file, "secrecy", "Journal"), state(file)) == (False, FileState.ERASING)
    assert (file.removal_code, file.removal_reason) == ("secrecy", "Journal")
    with pytest.raises(StepRefused):
        house.remove(file, at_once=True)
    assert steps(file)[-1] == ("file-removed", "os:eva")


def test_after_the_hours_nothing_is_given_back_though_no_worker_ran(house):
    file = house.ready()
    house.remove(file)
    house.now += 6 * HOUR
    with pytest.raises(StepRefused):
        house.give_back(file)
    assert state(file) == FileState.WITHHELD


def test_what_the_scanner_could_not_read_is_not_let_through_by_a_removal(house):
    file = house.received()
    TransferFile.objects.update(state="unscanned", scan_trouble="encrypted", scan_tries=1)
    file.refresh_from_db()
    house.remove(file)
    house.give_back(file)
    assert file.state == FileState.UNSCANNED
    TransferFile.objects.update(state="scanning", scan_trouble="", scan_again_at=house.now)
    file.refresh_from_db()
    house.remove(file)
    house.give_back(file)
    assert file.state == FileState.RECEIVED


def test_its_bytes_take_room_as_long_as_they_wait(house):
    file = house.ready()
    before = room.account_of(house.transfer.pk, services=house.services, now=house.now)
    house.remove(file)
    assert room.account_of(house.transfer.pk, services=house.services, now=house.now) == before
    assert file.taken_at(house.now, lasts=HOUR) == file.size


def test_one_that_was_forgotten_and_one_without_its_bytes_are_found(house):
    file, other = house.ready("a.pdf"), house.ready("b.pdf")
    house.remove(file)
    house.remove(other)
    house.services.store.erase(other.blob)
    assert [finding.rule for finding in verify_world(house.world)] == ["I7"]
    house.now += 7 * HOUR
    assert {line.outcome for line in reconcile(house.world)} == {"repaired"}
    house.work()
    assert (state(file), state(other)) == ("erased", "erased")
    assert other.erased_because == ErasedBecause.DAMAGED


def test_a_code_that_there_is_not_is_refused_and_only_another_reason_must_be_typed(house):
    file = house.ready()
    for code, text in (("", "Fel fil"), ("king", "Fel fil"), ("other", " ")):
        with pytest.raises(FormRefused):
            house.remove(file, code, text)
    assert state(file) == FileState.READY
    house.remove(file, RemovalCode.ABUSE, " ")
    assert state(file) == FileState.WITHHELD


def test_one_whose_bytes_are_damaged_waits_no_longer(house):
    file = house.ready()
    house.remove(file)
    assert erasure.take_away(file, because=ErasedBecause.DAMAGED, now=house.now)
    file.refresh_from_db()
    assert (file.state, file.withheld_until) == (FileState.ERASING, None)


def test_what_was_released_without_a_scan_is_not_held_again_when_it_is_back(house):
    file = house.received()
    TransferFile.objects.filter(pk=file.pk).update(scan_trouble="too large", released_at=house.now)
    file.refresh_from_db()
    house.remove(file)
    house.give_back(file)
    assert file.state == FileState.RECEIVED
