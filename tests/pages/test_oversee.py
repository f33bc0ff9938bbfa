"""The administrator searches, sees, and takes away with a reason; and opens no file."""

import html
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from filsluss.models import AuditEntry, Blocked, Person, RoleGrant, Transfer
from filsluss.pages.oversee.actors import actors_of
from filsluss.version import program_version
from tests.pages.cases import ANNA, BO, INSIDE, decided, open_transfer, pending, ready_file
from tests.parts.administrators import PASSWORD, code_of, make_account, through_the_pages


def shown(page):
    return [a["href"].rpartition("/")[2] for a in page.all("a") if "/transfers/" in (a["href"] or "")]


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    "there", ["https://evil.example", "//evil.example", "/oversee/../x", "/", "/oversee\\x"]
)
def test_the_sign_in_leads_nowhere_else(inside, there):
    make_account("admin", PASSWORD)
    answer = through_the_pages(inside, name="admin", query=f"?{urlencode({'next': there})}")
    assert answer["Location"] == "/oversee"


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("/oversee?q=bo%40kund.example&state=open", "/oversee?q=bo%40kund.example&state=open"),
        ("/oversee/?lang=sv", "/oversee/?lang=sv"),
        ("/oversee/security?lang=en", "/oversee/security?lang=en"),
        ("/oversee/blocked?lang=en", "/oversee/blocked?lang=en"),
        ("/oversee/persons?q=bo", "/oversee/persons?q=bo"),
        ("/oversee/transfers/K7PM-4QXD?lang=sv", "/oversee/transfers/K7PM-4QXD?lang=sv"),
        ("/oversee/files/K7PM-4QXD/remove?lang=sv", "/oversee/files/K7PM-4QXD/remove?lang=sv"),
    ],
)
def test_the_sign_in_leads_back_with_search_and_language(inside, read, asked, there):
    make_account("admin", PASSWORD)
    to_sign_in = inside.get(asked)["Location"]
    language = parse_qs(urlsplit(asked).query).get("lang", [""])[0]
    page = inside.get(to_sign_in)
    assert language in ("", page["Content-Language"])
    query = to_sign_in.removeprefix("/oversee/sign-in")
    answer = through_the_pages(inside, name="admin", query=query)
    assert (answer.status_code, answer["Location"]) == (303, there)


REASON = 'Avsändaren har "bett" om det & <annat>'


def test_a_reason_typed_as_the_session_ended_is_there_after_the_sign_in(admin, read):
    transfer = open_transfer()
    file = ready_file(transfer)
    acts = {
        f"/oversee/transfers/{transfer.public_id}/close": ("reason-close", REASON),
        f"/oversee/files/{file.public_id}/remove": (f"reason-{file.public_id}", REASON * 100),
    }
    for act, (field, reason) in acts.items():
        admin.logout()
        refused = admin.post(act, {"reason": reason})
        page = read(refused)
        assert (refused.status_code, page.field("unsent_reason")["value"]) == (403, reason)
        form = {"username": "admin", "unsent_path": act, "unsent_reason": reason}
        wrong = admin.post("/oversee/sign-in", {**form, "password": "x"})
        assert (wrong.status_code, read(wrong).field("unsent_reason")["value"]) == (422, reason)
        code = admin.post("/oversee/sign-in", {**form, "password": PASSWORD})["Location"]
        back = admin.post(code, {"code": code_of(Person.objects.get())})
        assert back["Location"] == act
        page = admin.get(back["Location"])
        assert read(page).problems == [field]
        assert f">\n{html.escape(reason)}</textarea>" in page.content.decode()
        assert html.escape(reason) not in admin.get(back["Location"]).content.decode()
    transfer.refresh_from_db()
    assert (
        transfer.state,
        AuditEntry.objects.filter(role="administrator").exclude(step="local-sign-in").exists(),
    ) == ("open", False)


OTHER_FORMS = {
    "/oversee/blocked/add": {"value": BO, "reason": REASON, "days": "30"},
    "/oversee/persons/{pk}": {"role": "registrar", "scope": "ltdalarna.se", "days": "17"},
}


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("form", OTHER_FORMS)
def test_every_form_that_was_typed_into_as_the_session_ended_is_there_after_the_sign_in(admin, read, form):
    pk, typed = Person.objects.get().pk, OTHER_FORMS[form]
    path = form.format(pk=pk)
    admin.logout()
    refused = admin.post(path, {"act": "give", **typed})
    hidden = {each["name"]: each["value"] for each in read(refused).all("input", type="hidden")}
    hidden.pop("csrfmiddlewaretoken")
    assert (refused.status_code, hidden) == (
        403,
        {"unsent_path": path, **{f"unsent_{name}": text for name, text in typed.items()}},
    )
    code = admin.post("/oversee/sign-in", {"username": "admin", "password": PASSWORD, **hidden})["Location"]
    back = admin.post(code, {"code": code_of(Person.objects.get())})["Location"]
    assert back == path.removesuffix("/add")
    page = admin.get(back).content.decode()
    assert "Inget har gjorts än." in page
    for text in typed.values():
        assert html.escape(text) in page
    assert "selected>ltdalarna.se" in page or "persons" not in form
    assert "Inget har gjorts än." not in admin.get(back).content.decode()
    assert (Blocked.objects.exists(), RoleGrant.objects.count()) == (False, 1)


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("form", OTHER_FORMS)
def test_the_language_of_every_form_is_switched_with_what_was_typed(admin, read, form):
    path, typed = form.format(pk=Person.objects.get().pk), OTHER_FORMS[form]
    shown = read(admin.get(path.removesuffix("/add")))
    (switch,) = shown.all("button", name="only_language")
    there = switch["formaction"] if switch["formaction"].startswith("/") else path + switch["formaction"]
    answer = admin.post(there, {"act": "give", **typed, "only_language": "1"})
    assert (answer.status_code, answer["Content-Language"], read(answer).problems) == (200, "en", [])
    for text in typed.values():
        assert html.escape(text) in answer.content.decode()
    assert (Blocked.objects.exists(), RoleGrant.objects.count()) == (False, 1)


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("days", ["0", "3651", "036500", "00001999999999999999", "9" * 400, "1.5", "-1", "٣"])
def test_a_role_for_a_number_of_days_that_is_none_is_refused(admin, read, days):
    answer = admin.post(
        f"/oversee/persons/{Person.objects.get().pk}", {"act": "give", "role": "auditor", "days": days}
    )
    assert (answer.status_code, read(answer).problems) == (422, ["days"])


@pytest.mark.parametrize(
    "query",
    [
        "ÅSA ÖBERG",
        "a\u030asa",
        "åsa\u200b öberg",
        "asa@xn--gteborg-90a.example",
        "ÅSA-ADM",
        "asa@göteborg.example",
        "Åsa <asa@göteborg.example>",
        "mailto:asa@xn--gteborg-90a.example",
        "asa\u200b@xn--gteborg-90a.example",
    ],
)
def test_a_person_is_found_however_they_are_written(admin, read, query):
    person = make_account("åsa-adm", PASSWORD)
    address = "asa@xn--gteborg-90a.example"
    Person.objects.filter(pk=person.pk).update(name="Åsa Öberg", address=address, canonical=address)
    page = read(admin.get("/oversee/persons", {"q": query}))
    assert [a["href"] for a in page.all("a") if f"/persons/{person.pk}" in (a["href"] or "")] != []


def test_a_reason_for_no_act_of_ours_is_not_kept(admin):
    for path in ("/oversee/transfers", "https://evil.example", "/oversee/files/K7PM-4QXD/remove"):
        form = {"username": "admin", "password": PASSWORD, "unsent_path": path}
        code = admin.post("/oversee/sign-in", {**form, "unsent_reason": REASON})["Location"]
        answer = admin.post(code, {"code": code_of(Person.objects.get())})
        assert answer["Location"] == "/oversee"


def test_a_sign_in_in_another_window_loses_no_reason(read):
    """It changes the token of every form, and those that are open have the old one."""
    browser = Client(enforce_csrf_checks=True)
    browser.defaults["filsluss.client"] = INSIDE
    make_account("admin", PASSWORD)
    transfer = open_transfer()
    signed_in = {"username": "admin", "password": PASSWORD}

    def token_in(answer):
        return read(answer).all("input", name="csrfmiddlewaretoken")[0]["value"]

    ours = {"Origin": settings.POLICY.base_url}
    for _window in range(2):
        token = token_in(browser.get("/oversee/sign-in"))
        browser.post("/oversee/sign-in", {**signed_in, "csrfmiddlewaretoken": token}, headers=ours)
        given = {"code": code_of(Person.objects.get()), "csrfmiddlewaretoken": token}
        assert browser.post("/oversee/sign-in/code", given, headers=ours).status_code == 303
    act = f"/oversee/transfers/{transfer.public_id}/close"
    old = {"reason": REASON, "csrfmiddlewaretoken": "x" * 64}
    assert browser.post(act, old, headers={"Origin": "https://evil.example"}).status_code == 403
    assert browser.post(act, old, headers=ours)["Location"] == act
    assert html.escape(REASON) in browser.get(act).content.decode()
    again = browser.post("/oversee/sign-in", {**signed_in, "csrfmiddlewaretoken": "x" * 64}, headers=ours)
    assert (again.status_code, again["Location"]) == (303, "/oversee/sign-in")
    transfer.refresh_from_db()
    assert transfer.state == "open"


def test_a_wrong_password_brings_the_form_back(inside, read):
    answer = inside.post("/oversee/sign-in", {"username": "admin", "password": "x\0"})
    assert (answer.status_code, read(answer).problems) == (422, ["username"])
    assert read(answer).field("username")["value"] == "admin"
    assert read(answer).field("password")["value"] == ""


def test_a_last_day_is_of_what_is_open_or_waits_for_an_answer(admin, read):
    """What was rejected has none, and its state is not that of a file."""
    rejected = decided("reject")
    days = [open_transfer().open_until, pending().lapse_by]
    page = read(admin.get("/oversee"))
    assert page.source.count(">–<") == 1
    for until in days:
        assert f"<time>{settings.POLICY.last_day(until).isoformat()}</time>" in page.source
    assert "ansökan avslagen" in read(admin.get(f"/oversee/transfers/{rejected.public_id}")).text


def test_a_case_shows_its_files_letters_and_trail_and_no_way_to_the_bytes(admin, read):
    transfer = open_transfer()
    file = ready_file(transfer)
    page = read(admin.get(f"/oversee/transfers/{transfer.public_id}"))
    shown = (file.public_id, file.name, ANNA, BO, "godkänd", "klar att ladda ner")
    assert [text for text in shown if text not in page.text] == []
    assert "/download/" not in page.source
    assert "/upload/" not in page.source


NUMBER = "Avser 811218-9876."


def test_a_reason_with_a_personal_number_is_asked_about(admin, read):
    open_case, waiting = open_transfer(), pending()
    file = ready_file(open_case)
    acts = (
        (f"/oversee/files/{file.public_id}/remove", f"reason-{file.public_id}", "file-removed"),
        (f"/oversee/transfers/{open_case.public_id}/close", "reason-close", "closed"),
        (f"/oversee/transfers/{waiting.public_id}/withdraw", "reason-withdraw", "withdrawn"),
    )
    for address, field, step in acts:
        answer = admin.post(address, {"reason": NUMBER})
        page = read(answer)
        assert (answer.status_code, page.problems, NUMBER in page.source) == (422, [field], True)
        assert page.field("no_personal_number")["id"] == f"no-number-{field}"
        assert not AuditEntry.objects.filter(step=step).exists()
        assert admin.post(address, {"reason": NUMBER, "no_personal_number": "1"}).status_code == 303
        assert AuditEntry.objects.get(step=step).detail == {"confirmed": "personal_number"}
    trail = admin.get(f"/oversee/transfers/{open_case.public_id}").content.decode()
    assert "Den som skrev har angett att det som ser ut som ett personnummer inte är det." in trail


def test_without_a_reason_nothing_is_taken_away(admin, read):
    transfer = open_transfer()
    file = ready_file(transfer)
    for address, field in (
        (f"/oversee/files/{file.public_id}/remove", f"reason-{file.public_id}"),
        (f"/oversee/transfers/{transfer.public_id}/close", "reason-close"),
    ):
        for reason in ("", "  ", "x" * 501):
            answer = admin.post(address, {"reason": reason})
            assert (answer.status_code, read(answer).problems) == (422, [field])
            assert reason in read(answer).source
    file.refresh_from_db()
    transfer.refresh_from_db()
    assert (file.state, transfer.state) == ("ready", "open")


def test_what_is_taken_away_is_taken_once_and_by_name(admin, read):
    transfer, waiting = open_transfer(), pending()
    file = ready_file(transfer)
    acts = (
        f"/oversee/files/{file.public_id}/remove",
        f"/oversee/transfers/{transfer.public_id}/close",
        f"/oversee/transfers/{waiting.public_id}/withdraw",
    )
    for address in acts:
        assert admin.post(address, {"reason": "Säkerhetsrisk"}).status_code == 303
        assert admin.post(address, {"reason": "igen"}).status_code == 409
    states = set(Transfer.objects.values_list("pk", "state"))
    assert states == {(transfer.pk, "closing"), (waiting.pk, "rejected")}
    trail = AuditEntry.objects.filter(role="administrator").exclude(step="local-sign-in")
    person = f"user:{User.objects.get(username='admin').pk}"
    assert sorted(trail.values_list("step", "person", "reason")) == [
        ("closed", person, "Säkerhetsrisk"),
        ("file-removed", person, "Säkerhetsrisk"),
        ("withdrawn", person, "Säkerhetsrisk"),
    ]
    assert set(actors_of(trail).values()) == {"admin"}


def test_signing_out_ends_access_to_the_administrators_pages(admin):
    assert admin.get("/oversee").status_code == 200
    admin.post("/oversee/sign-out")
    assert admin.get("/oversee").status_code == 303


def test_the_page_says_the_version(admin):
    assert f"Filsluss {program_version()}" in admin.get("/oversee").content.decode()
