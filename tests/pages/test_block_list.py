"""The page of the block list: a line is added and ended without JavaScript, and what is wrong comes back."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from filsluss.models import AuditEntry, Blocked
from filsluss.pages.oversee import blocked
from filsluss.rules.tokens import Purpose
from tests.pages.cases import BO, FORM, FROM_OUTSIDE, link, pending

TYPED = {"value": BO, "reason": "Skräp <b>", "days": "30"}


def test_a_line_is_added_shown_and_ended(admin, read):
    assert "Ingenting är spärrat." in read(admin.get("/oversee/blocked")).text
    answer = admin.post("/oversee/blocked/add", TYPED)
    assert (answer.status_code, answer["Location"]) == (303, "/oversee/blocked?lang=sv&done=added")
    page = read(admin.get(answer["Location"]))
    assert [text for text in (BO, "Skräp <b>", "admin") if text not in page.text] == []
    row = Blocked.objects.get()
    assert page.all("form", action=f"/oversee/blocked/{row.pk}/remove?lang=sv") != []
    for _ in range(2):
        assert admin.post(f"/oversee/blocked/{row.pk}/remove").status_code == 303
    assert not Blocked.objects.exists()
    person = f"user:{User.objects.get(username='admin').pk}"
    steps = AuditEntry.objects.filter(step__startswith="block-").values_list("step", "person")
    assert sorted(steps) == [("block-added", person), ("block-removed", person)]
    log = read(admin.get("/oversee/security")).text
    assert ("adress eller domän spärrad" in log, "spärrlistan" in log) == (True, True)


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("language", ["sv", "en"])
def test_what_is_wrong_comes_back_as_it_was_typed(admin, read, language):
    answer = admin.post(f"/oversee/blocked/add?lang={language}", {"value": "x y", "reason": "", "days": "0"})
    page = read(answer)
    assert (answer.status_code, page.problems) == (422, ["value", "reason", "days"])
    assert (page.field("value")["value"], page.field("days")["value"]) == ("x y", "0")
    numbered = read(admin.post("/oversee/blocked/add", {**TYPED, "reason": "Avser 811218-9876."}))
    assert (numbered.problems, numbered.field("no_personal_number")["value"]) == (["reason"], "1")
    assert not Blocked.objects.exists()
    confirmed = {**TYPED, "reason": "Avser 811218-9876.", "no_personal_number": "1"}
    assert admin.post("/oversee/blocked/add", confirmed).status_code == 303


def test_outside_the_answer_and_the_page_after_it_are_those_of_anybody(client, admin, read):
    """The status page, what it lists of letters, and where the form leads."""
    free = {**FROM_OUTSIDE, "sender_email": "ola@fritt.test"}
    browser = type(client)(**{"filsluss.client": admin.defaults["filsluss.client"]})
    expected = browser.post("/", free)
    admin.post("/oversee/blocked/add", TYPED)
    answer = browser.post("/", FROM_OUTSIDE)
    assert answer.status_code == expected.status_code == 303
    pages = [read(browser.get(each["Location"])) for each in (expected, answer)]
    shapes = [[tag for tag, _ in page.tags] for page in pages]
    assert shapes[0] == shapes[1]


def test_inside_the_form_says_whom_to_ask(admin, read, settings):
    admin.post("/oversee/blocked/add", TYPED)
    answer = admin.post("/", FORM)
    assert (answer.status_code, read(answer).problems) == (422, ["recipient_email"])


def test_the_case_says_that_it_is_blocked(admin, read):
    admin.post("/oversee/blocked/add", TYPED)
    case = pending()
    assert "En adress i ärendet var spärrad." in read(admin.get(f"/oversee/transfers/{case.public_id}")).text
    assert "spärr" not in read(admin.get(link(case, Purpose.STATUS_SENDER))).text


PASTED = [
    f"Bo Ek <{BO}>",
    f"mailto:{BO}?subject=x",
    f"'{BO}'",
    f"{BO};",
    f"{BO} <mailto:{BO}>",
    f"\u201c{BO}\u201d",
    f"\u00a0{BO}\u00a0",
]


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("typed", PASTED)
def test_an_address_may_be_pasted_as_mail_programs_give_it(admin, typed):
    assert admin.post("/oversee/blocked/add", {**TYPED, "value": typed}).status_code == 303
    assert Blocked.objects.get().value == BO


@pytest.mark.parametrize("sign", ["\u200b", "\ufeff", "\0", "\x07", "\xad"])
def test_a_sign_that_nobody_sees_is_named_and_never_dropped(admin, read, sign):
    for value in (f"bo{sign}@rontgen.example", f"rontgen{sign}.example", f"{sign}{BO}"):
        answer = admin.post("/oversee/blocked/add", {**TYPED, "value": value})
        assert (answer.status_code, read(answer).problems) == (422, ["value"])
        assert f"U+{ord(sign):04X}" in answer.content.decode()
    assert not Blocked.objects.exists()


def test_a_long_list_comes_in_pages(admin, read, monkeypatch):
    monkeypatch.setattr(blocked, "PER_PAGE", 2)
    now = timezone.now()
    values = [f"{name}@rontgen.example" for name in "edcba"]
    Blocked.objects.bulk_create(
        Blocked(kind="mailbox", value=value, reason="Skräp", until=now + timedelta(days=1), by="", at=now)
        for value in values
    )
    page, seen = read(admin.get("/oversee/blocked")), []
    assert page.text.count("Första sidan") == 0
    while True:
        seen.append([value for value in values if value in page.text])
        if not (following := page.all("a", rel="next")):
            break
        page = read(admin.get(f"/oversee/blocked{following[0]['href']}"))
        assert page.text.count("Första sidan") == 1
    assert [sorted(each) for each in seen] == [sorted(values)[:2], sorted(values)[2:4], sorted(values)[4:]]
    assert "Ingenting är spärrat." not in read(admin.get("/oversee/blocked?after=x")).text
