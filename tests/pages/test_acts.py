"""Each act on a case has a page of its own; a removed file can be given back, an account lasts longer."""

import html
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from filsluss.actions import reminders
from filsluss.actions.erasure import erase_files
from filsluss.actions.extend import extend, more_days
from filsluss.actions.oversee import Reason
from filsluss.actions.transitions import StepRefused
from filsluss.models import AuditEntry, Letter, Person, StaffSession, Transfer, TransferFile
from filsluss.rules.permissions import StaffRole
from filsluss.rules.tokens import Purpose
from tests.pages.cases import (
    ANNA,
    BO,
    INSIDE,
    applied,
    decided,
    letter_link,
    link,
    open_transfer,
    pending,
    ready_file,
    received_file,
)
from tests.parts.administrators import PASSWORD, code_of, sign_in
from tests.parts.services import services_for


@pytest.fixture
def undo(settings):
    settings.POLICY = replace(settings.POLICY, undo_lasts=timedelta(hours=24), max_file_size=1 << 20)


def browser(role, scope=""):
    client = Client(**{"filsluss.client": INSIDE})
    sign_in(client, f"{role}-{scope}", (role, scope))
    return client


def acts():
    """The addresses of all acts, each on a case that allows it."""
    case, held = open_transfer(), received_file(open_transfer())
    TransferFile.objects.filter(pk=held.pk).update(state="unscanned")
    return {
        f"/oversee/transfers/{case.public_id}/close": "reason-close",
        f"/oversee/transfers/{case.public_id}/extend": "reason-extend",
        f"/oversee/transfers/{pending().public_id}/withdraw": "reason-withdraw",
        f"/oversee/files/{(file := ready_file(case)).public_id}/remove": f"reason-{file.public_id}",
        f"/oversee/files/{held.public_id}/release": f"reason-release-{held.public_id}",
    }


def test_each_act_has_a_page_that_the_case_leads_to_and_that_changes_nothing(admin, read):
    before = list(Transfer.objects.values())
    for address, field in acts().items():
        page = read(admin.get(f"{address}?lang=sv"))
        assert page.all("form", action=f"{address}?lang=sv", method="post"), address
        assert page.field("reason")["id"] == field
        (case,) = [a["href"] for a in page.all("a") if (a["href"] or "").startswith("/oversee/transfers/")]
        assert read(admin.get(case)).all("a", href=f"{address}?lang=sv"), address
    assert AuditEntry.objects.filter(role="administrator").exclude(step="local-sign-in").count() == 0
    assert [row for row in Transfer.objects.values() if row in before] == before


def test_a_page_of_what_nothing_undoes_wants_a_fresh_proof_before_anything_is_typed(admin):
    StaffSession.objects.update(proved_at=timezone.now() - timedelta(minutes=11))
    for address in acts():
        answer = admin.get(address)
        wanted = 200 if address.endswith("/extend") else 303
        assert answer.status_code == wanted, address
        if wanted == 303:
            assert answer["Location"] == f"/oversee/me/prove?next={address}"
    address = next(iter(acts()))
    there = admin.get(address)["Location"]
    assert admin.post(there, {"code": code_of(Person.objects.get())})["Location"] == address


def test_an_act_that_is_too_late_shows_the_case(admin, read):
    late = [
        f"/oversee/transfers/{decided('reject').public_id}/{act}" for act in ("close", "withdraw", "extend")
    ]
    file = ready_file(open_transfer())
    late += [f"/oversee/files/{file.public_id}/release"]
    admin.post(f"/oversee/files/{file.public_id}/remove", {"reason": "Fel"})
    late += [f"/oversee/files/{file.public_id}/remove"]
    for address in late:
        for answer in (admin.get(address), admin.post(address, {"reason": "Fel", "days": "1"})):
            assert (answer.status_code, read(answer).problems) == (409, ["case"]), address
    assert admin.post(f"/oversee/files/{file.public_id}/give-back").status_code == 409
    assert admin.get("/oversee/files/K7PM-4QXD/remove").status_code == 404


def test_a_removal_wants_a_reason_to_be_chosen_and_keeps_what_was_typed(admin, read):
    file = ready_file(open_transfer())
    address = f"/oversee/files/{file.public_id}/remove"
    for typed, field in (
        ({"why": "", "reason": "Fel <fil>"}, "why"),
        ({"why": "king", "reason": "Fel <fil>"}, "why"),
        ({"why": "other", "reason": ""}, f"reason-{file.public_id}"),
        ({"why": "abuse", "reason": "x" * 501}, f"reason-{file.public_id}"),
    ):
        answer = admin.post(address, typed)
        page = read(answer)
        assert (answer.status_code, page.problems) == (422, [field])
        assert html.escape(typed["reason"]) in page.source
        if typed["why"] in ("other", "abuse"):
            assert "selected" in page.all("option", value=typed["why"])[0]
    assert admin.post(address, {"why": "abuse", "reason": ""}).status_code == 303
    entry = AuditEntry.objects.get(step="file-removed")
    assert (entry.detail, entry.reason_code, entry.reason) == ({"removal": "abuse"}, "removed", "")
    assert (
        "Missbruk av tjänsten." in admin.get(f"/oversee/transfers/{file.transfer.public_id}").content.decode()
    )
    erase_files(services=services_for(), now=timezone.now())
    assert "Tjänsten missbrukades." in Letter.objects.get(kind="file-removed", role="recipient").text


def test_a_removed_file_waits_and_is_given_back_by_a_button(undo, admin, read):
    file = ready_file(open_transfer())
    case, sent = f"/oversee/transfers/{file.transfer.public_id}", letter_link(file)
    address = f"/oversee/files/{file.public_id}/remove"
    assert (
        "i 24 timmar går den att återställa. Därefter: 1 fil raderas. 2 mejl skickas."
        in read(admin.get(f"{address}?lang=sv")).text
    )
    done = admin.post(f"{address}?lang=sv", {"why": "wrong-recipient", "reason": ""})["Location"]
    page = read(admin.get(done))
    assert "Filen går inte längre att ladda ner. Nedan kan du återställa den." in page.text
    assert page.all("form", action=f"/oversee/files/{file.public_id}/give-back?lang=sv")
    assert Letter.objects.filter(kind="file-removed").count() == 0
    for gone, status in ((sent, 410), (link(file.transfer, Purpose.UPLOAD), 200)):
        answer = Client(**{"filsluss.client": INSIDE}).get(f"{gone}?lang=sv")
        assert answer.status_code == status
        assert "Stoppad av systemansvarig. Den går inte längre att ladda ner." in read(answer).text
        assert "Raderad" not in read(answer).text
    answer = admin.post(f"/oversee/files/{file.public_id}/give-back")
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (303, case)
    assert Client(**{"filsluss.client": INSIDE}).get(sent).status_code == 200
    person = Person.objects.get().trail_name
    entries = AuditEntry.objects.filter(step__in=("file-withheld", "file-restored"))
    assert list(entries.values_list("step", "person", "role")) == [
        ("file-withheld", person, "administrator"),
        ("file-restored", person, "administrator"),
    ]
    assert admin.post(f"/oversee/files/{file.public_id}/give-back").status_code == 409


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_case_that_has_ended_offers_nothing_that_needs_an_open_one(undo, admin, read, language):
    transfer = open_transfer()
    removed, held = ready_file(transfer, "a.pdf"), ready_file(transfer, "b.pdf")
    TransferFile.objects.filter(pk=held.pk).update(state="unscanned", scan_trouble="locked")
    admin.post(f"/oversee/files/{removed.public_id}/remove", {"why": "abuse", "reason": ""})
    case = f"/oversee/transfers/{transfer.public_id}"

    def offered():
        page = read(admin.get(f"{case}?lang={language}"))
        return [act for act in ("give-back", "/release?", "/remove?") if act in page.source]

    assert offered() == ["give-back", "/release?", "/remove?"]
    assert admin.post(f"{case}/close", {"reason": "Fel mottagare."}).status_code == 303
    assert offered() == ["/remove?"]


@pytest.mark.parametrize("typed", [{"why": "virus"}, {"why": "other", "reason": "Fel", "erase_now": "1"}])
def test_what_must_go_at_once_goes_also_when_it_waited(undo, admin, typed):
    first, second = ready_file(open_transfer()), ready_file(open_transfer())
    admin.post(f"/oversee/files/{second.public_id}/remove", {"why": "abuse", "reason": ""})
    for file in (first, second):
        assert admin.get(f"/oversee/files/{file.public_id}/remove").status_code == 200
        assert admin.post(f"/oversee/files/{file.public_id}/remove", typed).status_code == 303
    assert set(TransferFile.objects.values_list("state", flat=True)) == {"erasing"}


def test_only_an_administrator_removes_and_gives_back(undo, admin):
    file = ready_file(open_transfer())
    admin.post(f"/oversee/files/{file.public_id}/remove", {"why": "abuse", "reason": ""})
    for role in set(StaffRole) - {StaffRole.ADMINISTRATOR}:
        other = browser(role)
        assert other.get(f"/oversee/files/{file.public_id}/remove").status_code == 403
        assert other.post(f"/oversee/files/{file.public_id}/give-back").status_code == 403
    file.refresh_from_db()
    assert file.state == "withheld"


def test_what_was_chosen_and_typed_is_there_after_the_sign_in(admin, read):
    file = ready_file(open_transfer())
    address = f"/oversee/files/{file.public_id}/remove"
    admin.logout()
    refused = read(admin.post(address, {"why": "secrecy", "reason": "", "erase_now": "1"}))
    kept = {name: refused.field(f"unsent_{name}")["value"] for name in ("why", "reason", "erase_now", "path")}
    assert kept == {"why": "secrecy", "reason": "", "erase_now": "1", "path": address}
    form = {f"unsent_{name}": text for name, text in kept.items()}
    code = admin.post("/oversee/sign-in", {**form, "username": "admin", "password": PASSWORD})["Location"]
    assert admin.post(code, {"code": code_of(Person.objects.get())})["Location"] == address
    page = read(admin.get(address))
    assert "selected" in page.all("option", value="secrecy")[0]
    assert (page.problems, "Inget har gjorts än." in page.text) == ([f"reason-{file.public_id}"], True)


def last_day(settings, row):
    row.refresh_from_db()
    return settings.POLICY.last_day(row.open_until)


def test_an_account_is_extended_to_the_longest_and_no_further(admin, read, settings):
    case = open_transfer()
    address, first = f"/oversee/transfers/{case.public_id}/extend", last_day(settings, case)
    offered = [each["value"] for each in read(admin.get(address)).all("option")]
    assert offered == ["", "1", "3", "7", "14", "23"]
    for days in ("", "0", "24", "-1", "x", "1.5", "٣", "9" * 30, "00001" + "9" * 5000):
        answer = admin.post(address, {"days": days, "reason": "Semester"})
        assert (answer.status_code, read(answer).problems) == (422, ["days"])
    answer = admin.post(address, {"days": "3", "reason": " "})
    assert (answer.status_code, read(answer).problems) == (422, ["reason-extend"])
    assert last_day(settings, case) == first
    assert admin.post(address, {"days": "23", "reason": "Semester"}).status_code == 303
    assert (last_day(settings, case) - first).days == 23
    assert (admin.get(address).status_code, admin.post(address, {"days": "1"}).status_code) == (409, 409)
    entry = AuditEntry.objects.get(step="extended")
    until = str(last_day(settings, case))
    assert (entry.role, entry.reason, entry.detail) == ("administrator", "Semester", {"until": until})
    shown = read(admin.get(f"/oversee/transfers/{case.public_id}"))
    assert (f"Den nya sista dagen är {until}." in shown.text, "/extend" in shown.source) == (True, False)


def test_who_may_extend_is_in_the_table(settings):
    inbound, outbound = applied(BO, ANNA), open_transfer()
    Transfer.objects.filter(pk=inbound.pk).update(
        state="open", decided_at=outbound.decided_at, open_until=outbound.open_until
    )
    for role, scope, allowed in (
        (StaffRole.HELP_DESK, "", (303, 303)),
        (StaffRole.REGISTRAR, ANNA.partition("@")[2], (303, 404)),
        (StaffRole.REGISTRAR, "other.example", (404, 404)),
        (StaffRole.AUDITOR, "", (403, 403)),
        (StaffRole.SECURITY_OFFICER, "", (403, 403)),
    ):
        client = browser(role, scope)
        answers = [
            client.post(f"/oversee/transfers/{case.public_id}/extend", {"days": "1", "reason": "Semester"})
            for case in (inbound, outbound)
        ]
        assert tuple(answer.status_code for answer in answers) == allowed, (role, scope)
    roles = AuditEntry.objects.filter(step="extended").values_list("role", flat=True)
    assert list(roles) == ["help-desk", "help-desk", "registrar"]
    page = browser(StaffRole.HELP_DESK).get(f"/oversee/transfers/{inbound.public_id}/extend").content.decode()
    assert (ANNA in page, BO in page) == (False, False)


def test_who_was_reminded_of_the_old_end_is_reminded_of_the_new_one(admin):
    case = open_transfer()
    file = ready_file(case)
    TransferFile.objects.filter(pk=file.pk).update(ready_at=timezone.now() - timedelta(days=3))
    Transfer.objects.update(decided_at=timezone.now() - timedelta(days=3))

    def remind(now):
        reminders.remind_of_files(services=services_for(), now=now)
        return Letter.objects.filter(kind="expiry-reminder").values_list("delivery", flat=True)

    case.refresh_from_db()
    assert sorted(remind(case.open_until - timedelta(days=1))) == ["queued"] * 2
    Letter.objects.filter(kind="expiry-reminder", role="sender").update(delivery="sent")
    admin.post(f"/oversee/transfers/{case.public_id}/extend", {"days": "5", "reason": "Semester"})
    assert sorted(remind(case.open_until)) == ["sent", "withdrawn"]
    case.refresh_from_db()
    assert sorted(remind(case.open_until - timedelta(days=1))) == ["queued", "queued", "sent", "withdrawn"]
    assert len(remind(case.open_until - timedelta(hours=1))) == 4


def test_the_longest_time_of_an_account_counts_from_its_approval(settings):
    case, now = open_transfer(), timezone.now()
    before = more_days(case, policy=settings.POLICY, now=now)
    case.decided_at -= timedelta(days=10)
    assert more_days(case, policy=settings.POLICY, now=now) == before - 10


def test_of_two_who_extend_an_account_at_once_the_second_is_told_that_it_has_another_end():
    case, now = open_transfer(), timezone.now()
    given = {
        "reason": Reason("Semester", "os:eva"),
        "role": StaffRole.ADMINISTRATOR,
        "services": services_for(),
    }
    extend(Transfer.objects.get(pk=case.pk), days="1", now=now, **given)
    with pytest.raises(StepRefused):
        extend(case, days="1", now=now, **given)
