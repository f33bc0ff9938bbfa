"""A form that cannot be taken comes back with what was typed, a summary that leads to each field, and 422."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

import filsluss
from filsluss.actions.apply import apply
from filsluss.models import Attempt, AuditEntry, Letter, Party, Transfer
from filsluss.rules.application import Application
from filsluss.rules.tokens import Purpose, code_digest, draw_code, show_code
from tests.actions.racing import race
from tests.pages.cases import (
    BO,
    EVA,
    FORM,
    FROM_OUTSIDE,
    INSIDE,
    KARIN,
    code_link,
    letter_link,
    link,
    open_transfer,
    pending,
    ready_file,
)
from tests.parts import tokens
from tests.parts.services import services_for


def test_an_application_from_our_network_leads_to_the_upload_page(inside):
    answer = inside.post("/", FORM)
    (transfer,) = Transfer.objects.all()
    assert (answer.status_code, answer["Location"]) == (303, link(transfer, Purpose.UPLOAD))


def test_an_inside_sender_elsewhere_is_sent_to_the_mailbox_without_a_link(outside):
    answer = outside.post("/", FORM)
    assert (answer.status_code, answer["Location"]) == (303, "/sent?lang=sv")


def test_an_outside_sender_sees_how_the_case_stands(inside):
    answer = inside.post("/", FROM_OUTSIDE)
    (transfer,) = Transfer.objects.all()
    assert (answer.status_code, answer["Location"]) == (303, link(transfer, Purpose.STATUS_SENDER))


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    "typed", [f" {BO} ", f"mailto:{BO}", f"MAILTO:<{BO}>", f"<{BO}>", f"Bo Ek <{BO}>;", f"'{BO}'"]
)
def test_an_address_may_be_pasted_as_mail_programs_give_it(inside, typed):
    inside.post("/", {**FORM, "recipient_email": typed})
    assert Transfer.objects.get().recipient.address == BO


@pytest.mark.parametrize("field", ["sender_email", "recipient_email", "approver_email"])
@pytest.mark.parametrize(
    ("sign", "words"),
    [
        ("\0", {"sv": "ett nolltecken (U+0000)", "en": "a null character (U+0000)"}),
        ("\u200b", {"sv": "ett nollbrett mellanslag (U+200B)", "en": "a zero-width space (U+200B)"}),
        ("\x1c", {"sv": "ett styrtecken (U+001C)", "en": "a control character (U+001C)"}),
    ],
)
def test_an_address_with_an_unseen_character_is_refused_and_the_character_named(
    inside, read, field, sign, words
):
    through = {**FROM_OUTSIDE, "recipient_email": "eva@example.com", "approver_email": "eva@ltdalarna.se"}
    typed = {**through, "recipient_outside": "1"}
    for language, name in words.items():
        answer = inside.post(f"/?lang={language}", {**typed, field: typed[field] + sign})
        assert (answer.status_code, Transfer.objects.exists()) == (422, False)
        assert read(answer).problems == [field]
        assert name in answer.content.decode()


def test_a_domain_with_other_letters_than_a_to_z_is_stored_as_its_a_label(inside):
    inside.post("/", {**FORM, "recipient_email": "bo@Göteborg.example"})
    assert Transfer.objects.get().recipient.address == "bo@xn--gteborg-90a.example"


def test_an_empty_application_names_every_field_in_the_order_of_the_form(inside, read):
    answer = inside.post("/", {})
    page = read(answer)
    assert answer.status_code == 422
    assert page.problems == ["sender_name", "sender_email", "recipient_email", "purpose", "accept_terms"]
    assert all(field in page.ids for field in page.problems)
    assert "Det finns 5 fel i formuläret" in page.text
    assert page.text.count("Skriv ditt namn") == 2
    assert page.all("div", id="summary") == [
        {
            "class": "summary",
            "id": "summary",
            "role": "alert",
            "aria-labelledby": "summary-heading",
            "tabindex": "-1",
            "autofocus": None,
        }
    ]
    assert Transfer.objects.count() == 0


def test_what_was_typed_is_still_there(inside, read):
    typed = {**FROM_OUTSIDE, "sender_name": 'Bo "<b>" Ek', "recipient_email": "anna@", "days": "14"}
    page = read(inside.post("/", {**typed, "recipient_outside": "1", "approver_email": "x@y"}))
    kept = {name: page.field(name)["value"] for name in ("sender_name", "sender_email", "recipient_email")}
    assert kept == {name: typed[name] for name in kept}
    assert page.field("approver_email")["value"] == "x@y"
    assert [each["value"] for each in page.all("option", selected=None)] == ["14"]
    assert "checked" in page.field("recipient_outside")
    assert "checked" in page.field("accept_terms")
    assert typed["purpose"] in page.text


def test_a_wrong_field_says_so_itself(inside, read):
    page = read(inside.post("/", {**FORM, "recipient_email": "bo"}))
    field = page.field("recipient_email")
    assert (field["aria-invalid"], field["aria-describedby"]) == (
        "true",
        "recipient_email-hint recipient_email-error",
    )
    assert page.ids.count("recipient_email-error") == 1
    assert "<title>Fel: " in page.source


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    "name",
    [
        "Anna Chef (anna.chef@inne.example)",
        "anna.chef＠inne.example",
        "Anna <anna﹫inne.example>",
        "Anna @ inne",
    ],
)
def test_a_name_with_an_address_in_it_is_refused_in_words_of_both_languages(inside, read, name):
    for language, words in (("sv", "utan e-postadress"), ("en", "without an email address")):
        answer = inside.post(f"/?lang={language}", {**FROM_OUTSIDE, "sender_name": name})
        page = read(answer)
        assert (answer.status_code, page.problems) == (422, ["sender_name"])
        assert page.field("sender_name")["value"] == name
        assert words in page.text
    assert (Transfer.objects.count(), Attempt.objects.count()) == (0, 0)


def test_a_name_of_an_earlier_version_is_shown_without_a_working_address(inside, admin, read):
    waiting, account = pending(), open_transfer()
    file = ready_file(account)
    Party.objects.filter(role="sender").update(name="Anna \u202eChef (anna.chef@inne.example)")
    pages = [
        inside.get(link(waiting, Purpose.DECIDE)),
        inside.get(link(waiting, Purpose.STATUS_APPROVER)),
        inside.get(f"{link(waiting, Purpose.STATUS_APPROVER)}/report"),
        inside.get(letter_link(file)),
        admin.get(f"/oversee/transfers/{waiting.public_id}"),
    ]
    for answer in pages:
        source = read(answer).source
        assert ("Anna Chef (anna[.]chef[@]inne[.]example)" in source, "chef@" in source) == (True, False)


def test_no_page_shows_the_name_of_a_sender_as_it_was_typed():
    folder = Path(filsluss.__file__).parent / "templates" / "pages"
    raw = re.compile(r"sender\.name|party\.name|approver\.name|recipient\.name")
    assert [path.name for path in folder.rglob("*.html") if raw.search(path.read_text())] == []


def test_errors_are_told_in_the_readers_language(inside, read):
    page = read(inside.post("/", {}, HTTP_ACCEPT_LANGUAGE="en-GB,en;q=0.9,sv;q=0.5"))
    assert "There are 5 problems" in page.text
    assert "Enter your name" in page.text
    assert "<title>Error: " in page.source


def test_a_nul_or_another_control_sign_in_a_field_does_no_harm(inside):
    assert (
        inside.post("/", {**FORM, "purpose": "Rit\0ning\x07ar", "sender_name": "An\0na"}).status_code == 303
    )
    assert (Transfer.objects.get().purpose, Transfer.objects.get().sender.name) == ("Ritningar", "Anna")


OWN = [
    "filsluss@ltdalarna.se",
    "Filsluss@LTDalarna.se",
    "filsluss+x@ltdalarna.se",
    "mailto:FILSLUSS+@ltdalarna.se",
]


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("field", ["sender_email", "recipient_email", "approver_email"])
def test_the_services_own_address_is_nobody_in_a_case(inside, read, field, own):
    parties = {"sender_email": EVA, "recipient_email": BO, "approver_email": KARIN}
    given = {**FORM, **parties, "recipient_outside": "1", field: own}
    answer = inside.post("/", given)
    assert (answer.status_code, read(answer).problems, Transfer.objects.count()) == (422, [field], 0)
    assert "Det här är tjänstens egen adress. Ange en annan adress." in read(answer).text
    assert "This is the service’s own address." in read(inside.post("/?lang=en", given)).text


@time_machine.travel(datetime(2026, 3, 3, 9, tzinfo=UTC))  # a minute before midnight would be the day after
def test_a_sender_named_by_strangers_is_told_when_and_that_inside_it_always_works(outside, read, settings):
    settings.POLICY = replace(settings.POLICY, outbound_per_day=2)
    assert outside.post("/", FORM).status_code == 303
    answer = outside.post("/", {**FORM, "recipient_email": EVA})
    assert (answer.status_code, 86_390 <= int(answer["Retry-After"]) <= 86_400) == (429, True)
    told = read(answer).text
    assert "Inifrån nätverket kan du göra en ansökan när som helst. Försök igen i morgon kl. " in told
    assert read(answer).field("recipient_email")["value"] == EVA
    outside.defaults["filsluss.client"] = INSIDE
    assert outside.post("/", FORM).status_code == 303


def test_who_waits_for_a_list_reads_when_it_is_sent(outside, read, settings):
    settings.POLICY = replace(settings.POLICY, letters_per_day=1)
    outside.post("/", FROM_OUTSIDE)
    answer = outside.post("/", {**FROM_OUTSIDE, "sender_email": EVA})
    assert answer.status_code == 303
    page = read(outside.get(answer["Location"]))
    assert "Din ansökan väntar på att skickas" in page.text
    assert re.search(r"Din skickas därför i en lista, om 1[45] minuter\.", page.text)
    assert re.search(r"Skickad till godkännaren .*Omkring \d+ \w+ \d{4} kl\. \d\d\.\d\d", page.text)
    assert "avslutas ärendet" not in page.text
    assert "sent in a list, in 1" in read(outside.get(answer["Location"] + "?lang=en")).text


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("days", ["0", "31", "x", "-1", "9" * 5000, "٣"])
def test_an_inside_sender_keeps_files_for_1_to_30_days(inside, read, days):
    answer = inside.post("/", {**FORM, "days": days})
    assert (answer.status_code, read(answer).problems) == (422, ["days"])


def test_the_sixth_application_of_an_hour_is_asked_to_wait_and_nothing_typed_is_lost(outside, read):
    for _ in range(5):
        assert outside.post("/", FORM).status_code == 303
    answer = outside.post("/", FORM)
    assert (answer.status_code, 3590 <= int(answer["Retry-After"]) <= 3600) == (429, True)
    told = r"Många formulär har skickats från ditt nätverk den senaste timmen\. "
    assert re.search(told + r"Försök igen (om 59 minuter|(i morgon )?kl\. \d\d\.\d\d)\.", read(answer).text)
    assert read(answer).field("recipient_email")["value"] == BO
    assert Transfer.objects.count() == 5


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    ("form", "problems"),
    [
        ({}, ["decision"]),
        ({"decision": "approve"}, ["days"]),
        ({"decision": "approve", "days": "31"}, ["days"]),
        ({"decision": "approve", "days": "3", "rejection_reason": "bra"}, ["rejection_reason"]),
        ({"decision": "reject"}, ["rejection_reason"]),
        ({"decision": "reject", "rejection_reason": "x" * 501}, ["rejection_reason"]),
        ({"decision": "reject", "rejection_reason": "nej", "days": "3"}, ["days"]),
    ],
)
def test_a_decision_that_is_none_is_shown_again(inside, read, form, problems):
    transfer = pending()
    answer = inside.post(link(transfer, Purpose.DECIDE), form)
    assert (answer.status_code, read(answer).problems) == (422, problems)
    assert set(problems) <= set(read(answer).ids)
    assert form.get("rejection_reason", "") in read(answer).text
    transfer.refresh_from_db()
    assert transfer.state == "pending"


def test_no_day_is_chosen_for_the_approver(inside, read):
    page = read(inside.get(link(pending(), Purpose.DECIDE)))
    assert [each["value"] for each in page.all("option")] == ["", "1", "3", "7", "14", "30"]
    assert page.all("option", selected=None) == []


def test_a_decision_leads_to_the_approvers_own_status(inside, read):
    transfer = pending()
    answer = inside.post(link(transfer, Purpose.DECIDE), {"decision": "approve", "days": "7"})
    assert (answer.status_code, answer["Location"]) == (303, link(transfer, Purpose.STATUS_APPROVER))
    assert "Ansökan är godkänd" in read(inside.get(answer["Location"])).text


def test_a_wrong_code_is_422_and_the_fifth_is_429(inside, read):
    first = inside.post("/code", {"code": "K7PM-4QXD-9T2V"})
    assert (first.status_code, read(first).problems) == (422, ["code"])
    assert read(first).field("code")["value"] == "K7PM-4QXD-9T2V"
    assert "/lost-link" in [a["href"] for a in read(first).all("a")]
    codes = [inside.post("/code", {"code": "K7PM-4QXD-9T2V"}).status_code for _ in range(4)]
    assert codes == [422, 422, 422, 429]
    waiting = inside.post("/code", {"code": "K7PM-4QXD-9T2V"})
    assert (waiting.status_code, 0 < int(waiting["Retry-After"]) <= 60) == (429, True)
    assert (
        "Många felaktiga koder har angetts från ditt nätverk. Försök igen om 1 minut." in read(waiting).text
    )


def test_guessing_never_blocks_the_file_itself(inside):
    file = ready_file(open_transfer())
    for _ in range(8):
        inside.post("/code", {"code": "K7PM-4QXD-9T2V"})
    assert inside.get(f"/download/{tokens.of_file(file, settings.POLICY.link_keys)}").status_code == 200


def test_no_code_at_all_is_no_guess(inside, read):
    answer = inside.post("/code", {"code": "  "})
    assert (answer.status_code, read(answer).problems) == (422, ["code"])
    assert Attempt.objects.count() == 0


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (
            "K7PM-4QXD",
            {"sv": "12 tecken, du har skrivit 8", "en": "12 characters, you have entered 8"},
        ),
        ("K7PM-4QXD-9T2V-K7PM", {"sv": "du har skrivit 16", "en": "you have entered 16"}),
        ("K7PM-4QXD-9T20", {"sv": "siffrorna 0 och 1", "en": "the digits 0 and 1"}),
        ("K7PM-4QXD-9T2å", {"sv": "bara bokstäver och siffror", "en": "letters and digits only"}),
    ],
)
def test_what_is_no_whole_code_is_said_to_be_so_and_is_no_guess(inside, read, typed, words):
    for language, said in words.items():
        answer = inside.post(f"/code?lang={language}", {"code": typed})
        assert (answer.status_code, read(answer).problems) == (422, ["code"])
        assert said in read(answer).text
        assert read(answer).field("code")["value"] == typed
    assert Attempt.objects.count() == 0


def test_a_code_leads_to_its_file_and_shows_no_other(inside, read):
    transfer, code = open_transfer(), draw_code()
    file, _other = ready_file(transfer, "en.txt", with_code=True), ready_file(transfer, "annan.txt")
    file.pickups.update(code_digest=code_digest(settings.POLICY.code_keys[0], code))
    answer = inside.post("/code", {"code": show_code(code).lower()})
    assert (answer.status_code, answer["Location"]) == (303, code_link(file))
    page = read(inside.get(answer["Location"]))
    assert [each["href"] for each in page.all("a", **{"class": "button"})] == [f"{code_link(file)}/en.txt"]
    assert "annan.txt" not in page.source


LONG_TEXT = "Rad ett\nRad två åäö"
HALF_FILLED = {
    "apply": {"sender_name": "Anna", "sender_email": "anna@", "recipient_outside": "1", "purpose": LONG_TEXT},
    "decide": {"decision": "reject", "rejection_reason": LONG_TEXT},
    "report": {"abuse": LONG_TEXT},
    "accessibility": {"fault": LONG_TEXT, "reply_email": "bo@"},
    "code": {"code": "K7PM-4QXD"},
}


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("page", HALF_FILLED)
def test_the_language_is_switched_with_everything_typed_and_nothing_judged(inside, read, monkeypatch, page):
    monkeypatch.setattr(settings, "POLICY", replace(settings.POLICY, support_email="it@ltdalarna.se"))
    transfer = pending()
    addresses = {
        "apply": "/",
        "decide": link(transfer, Purpose.DECIDE),
        "report": f"{link(transfer, Purpose.STATUS_APPROVER)}/report",
        "accessibility": "/accessibility",
        "code": "/code",
    }
    counted = (Attempt, AuditEntry, Letter, Transfer)
    before = [model.objects.count() for model in counted]
    for language in ("en", "sv"):
        answer = inside.post(
            f"{addresses[page]}?lang={language}", {**HALF_FILLED[page], "only_language": "1"}
        )
        assert (answer.status_code, answer["Content-Language"], read(answer).problems) == (200, language, [])
        for text in HALF_FILLED[page].values():
            assert text in html.unescape(answer.content.decode())
    assert [model.objects.count() for model in counted] == before


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("purpose", "Ring mig på 0705121234"),
        ("purpose", "Gäller 811218-9876"),
        ("sender_name", "Bo 701063-2391"),
    ],
)
def test_what_looks_like_a_personal_number_is_asked_about_and_not_refused(inside, read, field, text):
    first = inside.post("/", {**FORM, field: text})
    page = read(first)
    assert (first.status_code, page.problems, Transfer.objects.exists()) == (422, [field], False)
    assert page.field("no_personal_number")["type"] == "checkbox"
    assert inside.post("/", {**FORM, field: text, "no_personal_number": "1"}).status_code == 303
    assert AuditEntry.objects.get(step="applied").detail == {"confirmed": "personal_number"}


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    ("page", "field", "step"),
    [
        ("decide", "rejection_reason", "rejected"),
        ("report", "abuse", "reported"),
        ("accessibility", "fault", None),
    ],
)
def test_a_reason_or_a_report_with_such_a_number_is_asked_about_too(
    inside, read, monkeypatch, page, field, step
):
    monkeypatch.setattr(settings, "POLICY", replace(settings.POLICY, support_email="it@ltdalarna.se"))
    transfer = pending()
    address = {
        "decide": link(transfer, Purpose.DECIDE),
        "report": f"{link(transfer, Purpose.STATUS_APPROVER)}/report",
        "accessibility": "/accessibility",
    }[page]
    form, before = {"decision": "reject", field: "Gäller 811218-9876."}, Letter.objects.count()
    first = inside.post(address, form)
    shown = read(first)
    assert (first.status_code, shown.problems) == (422, [field])
    assert shown.field("no_personal_number")["type"] == "checkbox"
    assert "Gäller 811218-9876." in shown.source
    assert (Letter.objects.count(), AuditEntry.objects.filter(step=step or "").count()) == (before, 0)
    switched = read(inside.post(address, {**form, "only_language": "1", "no_personal_number": "1"}))
    assert "checked" in switched.field("no_personal_number")
    assert inside.post(address, {**form, "no_personal_number": "1"}).status_code == 303
    if step:
        assert AuditEntry.objects.get(step=step).detail == {"confirmed": "personal_number"}


def test_a_number_in_the_name_of_a_file_is_said_to_its_sender_and_noted(inside):
    file = ready_file(open_transfer(), "Journal 811218-9876.pdf")
    words = "Filens namn verkar innehålla ett personnummer."
    assert words in inside.get(link(file.transfer, Purpose.UPLOAD)).content.decode()
    assert words not in inside.get(letter_link(file)).content.decode()
    assert AuditEntry.objects.get(step="received").detail == {"seen": "personal_number"}


def test_a_time_or_a_telephone_number_is_not_even_asked_about(inside):
    answer = inside.post("/", {**FORM, "purpose": "Ritning 20251125 1430, order 2511251234, 08-123 45 67"})
    assert answer.status_code == 303
    assert AuditEntry.objects.get(step="applied").detail is None


def test_a_form_that_is_sent_twice_is_one_application(inside, outside, read):
    drawn = read(inside.get("/")).field("form_value")["value"]
    form = {**FROM_OUTSIDE, "form_value": drawn}
    first, second = (outside.post("/", form) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert first["Location"] == second["Location"]
    assert (Transfer.objects.count(), Attempt.objects.filter(kind="application").count()) == (1, 1)
    assert sorted(Letter.objects.values_list("kind", flat=True)) == ["approval-requested", "received"]
    other = outside.post("/", {**form, "purpose": "Något annat"})
    assert (other.status_code, Transfer.objects.count()) == (303, 2)
    assert read(inside.get("/")).field("form_value")["value"] != drawn


def test_the_same_form_an_hour_later_is_a_new_application(inside):
    form = {**FORM, "form_value": "x" * 22}
    inside.post("/", form)
    Transfer.objects.update(applied_at=timezone.now() - timedelta(minutes=61))
    inside.post("/", form)
    assert Transfer.objects.count() == 2


def test_without_a_drawn_value_every_form_is_an_application(inside):
    for _ in range(2):
        inside.post("/", FORM)
    assert Transfer.objects.count() == 2


def test_a_form_that_comes_back_keeps_its_value(inside, read):
    answer = inside.post("/", {"form_value": "abc"})
    assert read(answer).field("form_value")["value"] == "abc"


@pytest.mark.django_db(transaction=True)
def test_twenty_clicks_at_once_are_one_application(tmp_path):
    form = Application("Bo Ek", BO, "anna.berg@ltdalarna.se", "Ritningar", form_value="y" * 22)
    now = timezone.now()
    made = race(
        *[lambda: apply(form, services=services_for(settings.POLICY), now=now, client=INSIDE).public_id] * 20
    )
    assert (len(set(made)), Transfer.objects.count()) == (1, 1)
