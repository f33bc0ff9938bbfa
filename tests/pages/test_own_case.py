"""What a sender does with a case of their own, by its status link and without a script."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from filsluss.actions.upload import remove_own
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.models.letter import BLANK
from filsluss.pages.own_letters import own_letters
from filsluss.rules.lifecycle import State
from filsluss.rules.tokens import Purpose
from tests.pages.cases import (
    ANNA,
    BO,
    EVA,
    FORM,
    FROM_OUTSIDE,
    KARIN,
    decided,
    ended,
    link,
    open_transfer,
    pending,
    ready_file,
)

THROUGH = {**FROM_OUTSIDE, "recipient_email": EVA, "recipient_outside": "1", "approver_email": KARIN}
ROLES = (Purpose.STATUS_SENDER, Purpose.STATUS_RECIPIENT, Purpose.STATUS_APPROVER)
ACTS = ("withdraw", "correct", "again", "send-again")


def applied(client, form=FROM_OUTSIDE):
    """The status page of a new application."""
    return client.post("/", form)["Location"]


def newest():
    return Transfer.objects.order_by("-pk")[0]


def form_on(page):
    """What the application form on that page would send as it stands, with the terms accepted."""
    fields = [own for tag, own in page.tags if tag == "input" and own.get("name") and own["name"] != "use"]
    typed = {
        own["name"]: own.get("value") or ""
        for own in fields
        if own.get("type") not in ("checkbox", "radio") or "checked" in own
    }
    purpose = re.findall(r'<textarea id="purpose"[^>]*>\n([^<]*)<', page.source)
    days = [each["value"] for each in page.all("option") if "selected" in each]
    return {**typed, "purpose": purpose[0], "days": days[0], "accept_terms": "1"}


def sent(*letters):
    """As if the outbox had sent them."""
    now = timezone.now()
    Letter.objects.filter(pk__in=[each.pk for each in letters]).update(
        delivery="sent", sent_at=now, written_at=now - timedelta(hours=1), **BLANK
    )


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_sender_sees_what_they_typed_and_nobody_else_does(inside, read, language):
    applied(inside, THROUGH)
    transfer = newest()
    shown = {role: read(inside.get(f"{link(transfer, role)}?lang={language}")).text for role in ROLES}
    for address in (BO, EVA, KARIN, "Bo Ek"):
        assert address in shown[Purpose.STATUS_SENDER]
    assert KARIN not in shown[Purpose.STATUS_RECIPIENT]


def test_only_the_sender_s_link_leads_to_what_a_sender_does(inside):
    transfer = pending()
    for role in ROLES[1:]:
        for act in ACTS:
            method = inside.get if act in ("correct", "again") else inside.post
            assert method(f"{link(transfer, role)}/{act}").status_code == 404
        page = inside.get(link(transfer, role)).content.decode()
        assert [act for act in ACTS if f"/{act}" in page] == []
    assert (
        inside.post(f"{link(transfer, Purpose.UPLOAD).replace('upload', 'status')}/withdraw").status_code
        == 404
    )


@pytest.mark.parametrize("language", ["sv", "en"])
def test_an_application_is_withdrawn_from_its_status_page(inside, read, language):
    status = applied(inside)
    page = read(inside.get(f"{status}?lang={language}"))
    assert page.all("form", action=f"{status}/withdraw?lang={language}")
    answer = inside.post(f"{status}/withdraw?lang={language}", {"sure": "1"})
    assert (answer.status_code, answer["Location"]) == (303, f"{status}?lang={language}&done=withdrawn")
    assert newest().state == State.WITHDRAWN
    said = {"sv": "Du har dragit tillbaka ansökan", "en": "You have withdrawn the request"}
    after = read(inside.get(answer["Location"]))
    assert said[language] in after.text
    assert f"{status}/withdraw" not in after.source


def test_nothing_is_withdrawn_unless_the_box_is_ticked(inside, read):
    status = applied(inside)
    answer = inside.post(f"{status}/withdraw")
    assert newest().state == State.PENDING
    assert "Kryssa i rutan" in read(inside.get(answer["Location"])).text


def test_what_is_answered_is_not_withdrawn_and_the_page_says_so(inside, read):
    transfer = decided("approve")
    status = link(transfer, Purpose.STATUS_SENDER)
    answer = inside.post(f"{status}/withdraw", {"sure": "1"})
    assert "redan besvarad" in read(inside.get(answer["Location"])).text
    assert newest().state == State.OPEN


@pytest.mark.parametrize("form", [FROM_OUTSIDE, THROUGH], ids=["inbound", "through"])
def test_the_form_to_correct_is_filled_in_and_sending_it_withdraws_the_old_one(inside, read, form):
    status = applied(inside, form)
    old = newest()
    page = read(inside.get(f"{status}/correct"))
    again = form_on(page)
    assert {name: again.get(name, "") for name in form} == form
    assert page.all("form", id="form", action=f"{status}/correct")
    answer = inside.post(f"{status}/correct", {**again, "sender_name": "Bo Larsson"})
    old.refresh_from_db()
    made = newest()
    assert (old.state, made.state, made.sender.name) == (State.WITHDRAWN, State.PENDING, "Bo Larsson")
    assert answer["Location"] == f"{link(made, Purpose.STATUS_SENDER)}?done=corrected"
    assert "Ansökan är rättad" in read(inside.get(answer["Location"])).text


def test_a_correction_that_cannot_be_taken_comes_back_as_typed_and_changes_nothing(inside, read):
    status = applied(inside)
    typed = form_on(read(inside.get(f"{status}/correct"))) | {"recipient_email": "anna@"}
    answer = inside.post(f"{status}/correct?lang=en", typed)
    page = read(answer)
    assert (answer.status_code, page.problems) == (422, ["recipient_email"])
    assert page.all("form", id="form", action=f"{status}/correct?lang=en")
    assert page.field("recipient_email")["value"] == "anna@"
    assert (Transfer.objects.count(), newest().state) == (1, State.PENDING)


def test_a_correction_keeps_what_is_typed_when_the_language_is_switched(inside, read):
    status = applied(inside)
    typed = form_on(read(inside.get(f"{status}/correct"))) | {"sender_name": "Bo L", "only_language": "1"}
    page = read(inside.post(f"{status}/correct?lang=en", typed))
    assert (page.field("sender_name")["value"], page.problems) == ("Bo L", [])
    assert "Correct the request" in page.text
    assert Transfer.objects.count() == 1


def test_a_correction_that_comes_too_late_can_be_sent_as_a_new_application(inside, read):
    status = applied(inside)
    typed = form_on(read(inside.get(f"{status}/correct"))) | {"sender_name": "Bo Larsson"}
    Transfer.objects.update(state=State.OPEN, open_until=timezone.now() + timedelta(days=3))
    answer = inside.post(f"{status}/correct", typed)
    page = read(answer)
    assert (answer.status_code, Transfer.objects.count()) == (409, 1)
    assert page.field("sender_name")["value"] == "Bo Larsson"
    assert page.all("form", id="form", action="/")
    assert inside.get(f"{status}/correct").status_code == 409
    assert inside.post("/", form_on(page))["Location"] == link(newest(), Purpose.STATUS_SENDER)


@pytest.mark.parametrize("make", [pending, open_transfer, ended, lambda: decided("reject")])
def test_once_more_fills_the_form_in_as_before_and_makes_a_case_of_its_own(inside, read, make):
    transfer = make()
    answer = inside.get(f"{link(transfer, Purpose.STATUS_SENDER)}/again")
    page = read(answer)
    again = form_on(page)
    assert answer["Cache-Control"] == "no-store"
    assert again["sender_email"] == transfer.sender.address
    assert again["recipient_email"] == transfer.recipient.address
    assert again["purpose"] == "Ritningar &amp; mått"
    assert "checked" not in page.field("accept_terms")
    state = Transfer.objects.get().state
    assert inside.post("/", {**again, "sender_name": "Bo Ek"}).status_code == 303
    assert (Transfer.objects.count(), Transfer.objects.get(pk=transfer.pk).state) == (2, state)


def test_the_upload_page_leads_to_the_same_form(inside):
    transfer = open_transfer()
    page = inside.get(link(transfer, Purpose.UPLOAD)).content.decode()
    assert f'href="{link(transfer, Purpose.STATUS_SENDER)}/again"' in page


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_letter_is_sent_again_from_the_status_page_three_times(inside, read, language):
    transfer = open_transfer()
    ready_file(transfer, with_code=True)
    status = link(transfer, Purpose.STATUS_SENDER)
    first = Letter.objects.get(kind="file-ready")
    text = first.text
    for number in range(3):
        sent(*Letter.objects.filter(kind="file-ready"))
        page = read(inside.get(f"{status}?lang={language}"))
        assert page.all("input", name="letter", value=first.public_id)
        answer = inside.post(f"{status}/send-again?lang={language}", {"letter": first.public_id})
        assert answer["Location"] == f"{status}?lang={language}&done=sent-again"
        assert Letter.objects.filter(kind="file-ready").count() == number + 2
    last = Letter.objects.filter(kind="file-ready").order_by("-pk")[0]
    assert (last.text, last.to, last.again_of.again_of.again_of) == (text, BO, first)
    sent(*Letter.objects.filter(kind="file-ready"))
    page = read(inside.get(f"{status}?lang={language}"))
    assert page.all("input", name="letter", value=first.public_id) == []
    answer = inside.post(f"{status}/send-again?lang={language}", {"letter": first.public_id})
    assert "done=not-sent" in answer["Location"]
    assert Letter.objects.filter(kind="file-ready").count() == 4


def test_pressed_twice_it_is_sent_once(inside):
    transfer = pending()
    letter = Letter.objects.get(kind="approval-requested")
    sent(letter)
    for _ in range(2):
        inside.post(f"{link(transfer, Purpose.STATUS_SENDER)}/send-again", {"letter": letter.public_id})
    assert Letter.objects.filter(kind="approval-requested").count() == 2
    again = letter.again.get()
    Letter.objects.filter(pk=again.pk).update(delivery="sent", **BLANK)
    inside.post(f"{link(transfer, Purpose.STATUS_SENDER)}/send-again", {"letter": letter.public_id})
    assert Letter.objects.filter(kind="approval-requested").count() == 2


def test_only_letters_of_the_case_that_somebody_can_act_on_are_sent_again(inside):
    transfer, other = pending(), pending()
    status = link(transfer, Purpose.STATUS_SENDER)
    sent(*Letter.objects.all())
    receipt = Letter.objects.about(transfer).get(kind="received")
    foreign = Letter.objects.about(other).get(kind="approval-requested")
    before = Letter.objects.count()
    for wrong in (receipt.public_id, foreign.public_id, "x", ""):
        assert inside.post(f"{status}/send-again", {"letter": wrong}).status_code == 303
    assert Letter.objects.count() == before


def test_a_mailbox_gets_no_more_requests_than_its_limit(inside, settings):
    settings.POLICY = replace(settings.POLICY, letters_per_day=2)
    transfer = pending()
    letter = Letter.objects.get(kind="approval-requested")
    for _ in range(3):
        sent(*Letter.objects.filter(kind="approval-requested"))
        inside.post(f"{link(transfer, Purpose.STATUS_SENDER)}/send-again", {"letter": letter.public_id})
    assert Letter.objects.filter(kind="approval-requested").count() == 2


def test_a_suspicious_address_is_asked_about_after_it_was_sent(inside, read):
    """Without a script nothing could be asked before; and nothing is ever refused for it."""
    status = applied(inside, {**FROM_OUTSIDE, "sender_email": "bo@gmial.com"})
    page = read(inside.get(status))
    assert "Menade du bo@gmail.com" in page.text
    assert f"{status}/correct" in page.source
    upload = inside.post("/", {**FORM, "recipient_email": "bo@hotmial.com"})["Location"]
    assert "Menade du bo@hotmail.com" in read(inside.get(upload)).text


def test_a_misspelt_address_inside_is_asked_about_before_the_box(inside, read):
    typed = {**FROM_OUTSIDE, "recipient_email": "maria@ltdalarna.com"}
    answer = inside.post("/", typed)
    page = read(answer)
    assert (answer.status_code, page.problems) == (422, ["recipient_email"])
    assert "Menade du maria@ltdalarna.se" in page.text
    shown = read(inside.post("/", {**typed, "use": "recipient_email"}))
    assert (shown.field("recipient_email")["value"], shown.problems) == ("maria@ltdalarna.se", [])
    assert inside.post("/", {**typed, "recipient_email": "maria@ltdalarna.se"}).status_code == 303
    assert inside.post("/", {**typed, "recipient_outside": "1", "approver_email": ANNA}).status_code == 303


def test_the_sender_s_own_slip_is_asked_about_too(inside, read):
    page = read(inside.post("/", {**FORM, "sender_email": "anna.berg@ltdalrna.se"}))
    assert page.problems == ["sender_email"]
    assert settings.POLICY.inside_domains[0] in page.text


def test_emails_about_several_files_are_told_apart_and_name_none():
    transfer = open_transfer()
    for name, size in (("ett.pdf", 12), ("två.pdf", 340_000)):
        TransferFile.objects.filter(pk=ready_file(transfer, name).pk).update(size=size)
    labels = [letter.label for letter in own_letters(transfer)]
    assert len(set(labels)) == len(labels) == 3
    assert [label for label in labels if "pdf" in label] == []


def test_the_time_of_the_email_stands_beside_no_file_that_has_been_taken_away(inside):
    """Or it would be read as the time at which that was done."""
    transfer = open_transfer()
    file = ready_file(transfer)
    Letter.objects.about(transfer).filter(kind="file-ready").update(
        delivery="sent", sent_at=timezone.now() - timedelta(hours=1)
    )
    upload_page = link(transfer, Purpose.UPLOAD)
    assert "<time" in row_of(file, inside.get(upload_page))
    remove_own(file, now=timezone.now())
    row = row_of(file, inside.get(upload_page))
    assert ("Raderad av avsändaren." in row, "<time" in row) == (True, False)


def row_of(file, answer):
    return re.search(f'data-file="{file.public_id}".*?</li>', answer.content.decode(), re.DOTALL)[0]
