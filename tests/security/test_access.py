"""Access: a link opens its own endpoint only, forms come from our pages, no response says who is known."""

import re

import pytest
from django.contrib.auth.models import User

from filsluss.models import AuditEntry
from filsluss.pages.oversee.actors import actors_of
from filsluss.rules.tokens import Purpose
from filsluss.urls import urlpatterns
from tests.pages.cases import ANNA, BO, applied, link
from tests.parts import administrators, people
from tests.parts.eventually import eventually
from tests.parts.invariants import Acknowledged, check_invariants, wait_until_idle
from tests.parts.storage import rows

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
UNKNOWN = "A" * 43
TOKEN = r"(?<![\w-])(?=[\w-]*[A-Zg-z_-])[\w-]{43}(?![\w-])"
CODE = r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b"
EVIL = "https://evil.example"
ALLOWED = {
    "upload": {"upload"},
    "decide": {"decide"},
    "download": {"download"},
    "pickup": {"download"},
    "status-sender": {"status"},
    "status-recipient": {"status"},
    "status-approver": {"status"},
}
"""Which endpoints each kind of token opens."""


def every_endpoint(token, case):
    """Method, path and body of all that can be asked with a token, and the endpoint it belongs to."""
    files = f"/upload/{token}/files"
    one = f"{files}/{case.upload_id}"
    return [
        ("upload", "GET", f"/upload/{token}", None, {}),
        ("upload", "POST", f"/upload/{token}", b"x", {"Content-Type": "multipart/form-data; boundary=x"}),
        ("upload", "POST", f"/upload/{token}/remove", {"file": case.file}, {}),
        ("upload", "POST", f"/upload/{token}/code", {"file": case.file}, {}),
        ("upload", "POST", f"/upload/{token}/code", {"file": case.file, "renew": "1"}, {}),
        ("upload", "PUT", f"/upload/{token}/fil.txt", b"x", {}),
        ("upload", "GET", files, None, {}),
        ("upload", "POST", files, b"", {**TUS, "Upload-Length": "5"}),
        ("upload", "HEAD", one, None, TUS),
        ("upload", "PATCH", one, b"", {**TUS, "Upload-Offset": "0", **BYTES}),
        ("upload", "DELETE", one, None, TUS),
        ("upload", "GET", f"{one}/samples", None, {}),
        ("decide", "GET", f"/decide/{token}", None, {}),
        ("decide", "POST", f"/decide/{token}", {"decision": "approve", "days": "7"}, {}),
        ("status", "GET", f"/status/{token}", None, {}),
        ("download", "GET", f"/download/{token}", None, {}),
        ("download", "GET", f"/download/{token}/{case.name.encode().hex()}", None, {}),
        ("download", "GET", f"/zip/{token}/{case.transfer}.zip", None, {}),
    ]


def state_of(service):
    """What a request could have changed."""
    return [
        rows(service, "SELECT id, state, decided_at, open_until FROM filsluss_transfer ORDER BY id"),
        rows(service, "SELECT id, state, acknowledged FROM filsluss_transferfile ORDER BY id"),
        rows(service, "SELECT id, fetches, fetched_at FROM filsluss_pickup ORDER BY id"),
        rows(service, "SELECT COUNT(*) FROM filsluss_auditentry"),
    ]


def test_b9_a_token_of_one_kind_is_unknown_at_every_other_endpoint(target, victim):
    before = state_of(target.service)
    opened = []
    for kind, token in {**victim.tokens, "unknown": UNKNOWN}.items():
        for endpoint, method, path, body, headers in every_endpoint(token, victim):
            if endpoint not in ALLOWED.get(kind, set()):
                answer = target.service.request(method, path, body, headers)
                opened += [(kind, method, path, answer.status)] if answer.status not in (404, 405) else []
    assert opened == []
    assert state_of(target.service) == before


def test_b9_every_token_does_open_its_own_endpoint(target, victim):
    """Or the test above would prove nothing."""
    for kind, endpoints in ALLOWED.items():
        wanted = 410 if kind == "decide" else 200
        for endpoint in endpoints:
            assert target.service.get(f"/{endpoint}/{victim.tokens[kind]}").status == wanted, kind


def test_b9_the_link_of_one_case_moves_nothing_of_another(target, victim):
    other = people.apply(target.service, people.FORM, recipient_email="bo.annan@rontgen.example").location
    before = state_of(target.service)
    one = f"{other}/files/{victim.upload_id}"
    tried = [
        target.service.request("HEAD", one, headers=TUS),
        target.service.request("DELETE", one, headers=TUS),
        people.append(target.service, one, 0, b"x"),
        target.service.get(f"{one}/samples"),
        target.service.post(f"{other}/remove", {"file": victim.file}),
        target.service.get(f"/zip/{victim.tokens['pickup']}/{victim.transfer}.zip"),
    ]
    assert [answer.status for answer in tried] == [404] * 6
    assert state_of(target.service) == before


def test_b15_another_sites_form_is_refused_at_every_endpoint(target, victim):
    before = state_of(target.service)
    taken = []
    for token in victim.tokens.values():
        for _, method, path, body, headers in every_endpoint(token, victim):
            if method in ("GET", "HEAD"):
                continue
            for whose in ({"Origin": EVIL}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
                answer = target.service.request(method, path, body, {**headers, **whose})
                if answer.status != 403:
                    taken.append((method, path, answer.status))
    # A page that takes no POST says so to everybody.
    assert [each for each in taken if each[2] not in (404, 405)] == []
    assert state_of(target.service) == before


def eventually_with(service, path, wanted):
    """The page, once the letter that asks has left and can be sent again."""
    return eventually(lambda: service.get(path).text, lambda text: wanted in text)


def test_b10_a_form_answers_the_same_whoever_is_known_here(target):
    known, unknown = people.ANNA, "ingen.alls@ltdalarna.se"
    answers = []
    for number, address in enumerate((known, unknown, known, unknown)):
        form = {**people.FROM_OUTSIDE, "sender_email": f"bo.b10.{number}@rontgen.example"}
        answer = target.service.post("/", {**form, "recipient_email": address})
        page = eventually_with(target.service, answer.location, 'name="letter"')
        page = page.replace("<wbr>", "")  # where an address may be broken
        page = page.replace(address, "").replace(form["sender_email"], "")
        # Each has an id and links of its own, and the minute may have changed.
        drawn = r"[A-Z2-9]{4}-[A-Z2-9]{4}|[\w-]{43}|\"(letter-)?[\w-]{22}\"|\d+"
        answers.append((answer.status, re.sub(drawn, "", page)))
    assert answers == [answers[0]] * 4
    assert answers[0][0] == 303


def test_b10_the_sign_in_says_the_same_of_a_wrong_name_and_a_wrong_password(target):
    said = []
    for name in ("eva", "nobody"):
        first = target.service.get("/oversee/sign-in")
        csrf_token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', first.text)[0]
        cookie = str(first.headers["Set-Cookie"]).partition(";")[0]
        form = {"username": name, "password": "fel lösenord helt", "csrfmiddlewaretoken": csrf_token}
        answer = target.service.request(
            "POST", "/oversee/sign-in", form, {"Cookie": cookie, "Origin": target.service.url}
        )
        text = re.sub(r'value="\w{64}"', "", answer.text).replace(f'value="{name}"', "")
        said.append((answer.status, re.sub(r"\s+", " ", text)))
    assert said[0] == said[1]


def oversee_paths():
    """Every address of the administrator's pages, filled in with a case that exists."""
    for pattern in urlpatterns:
        route = str(pattern.pattern)
        if route.startswith("oversee") and "sign-in" not in route:
            yield "/" + re.sub(r"<[^>]+>", "{id}", route)


@pytest.mark.parametrize("path", list(oversee_paths()))
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_b12_no_page_of_the_administrator_opens_without_a_sign_in(target, victim, path, method):
    before = state_of(target.service)
    address = path.replace("{id}", victim.transfer)
    answer = target.service.request(method, address, {"reason": "x"} if method == "POST" else None)
    assert answer.status in ((303, 404, 405) if method == "GET" else (303, 403, 404, 405)), answer.status
    if answer.status == 303:
        assert answer.location.partition("?")[0] in ("/oversee/sign-in", "/oversee")
    assert state_of(target.service) == before


def test_b13_the_administrator_opens_no_file(target, victim):
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in target.populated.cookies.items())}
    page = target.service.request("GET", f"/oversee/transfers/{victim.transfer}", headers=cookie)
    assert page.status == 200
    assert re.findall(TOKEN, re.sub(r'csrfmiddlewaretoken" value="\w+"', "", page.text)) == []
    for path in (
        f"/download/{victim.file}/{victim.name}",
        f"/download/{UNKNOWN}/x",
        f"/zip/{UNKNOWN}/{victim.transfer}.zip",
    ):
        assert target.service.request(
            "GET", people.path_of(path.replace(" ", "%20")), headers=cookie
        ).status in (400, 404)


def test_b3_b5_b6_no_secret_of_a_letter_lies_in_rows_log_or_folder_once_it_has_left(target, victim):
    wait_until_idle(target.service)
    target.service.run_worker()
    codes = {code for letter in target.mail_server.letters for code in re.findall(CODE, letter.text)}
    links = {link for letter in target.mail_server.letters for link in re.findall(TOKEN, letter.text)}
    assert codes
    assert {victim.tokens["upload"], victim.tokens["download"]} <= links
    acknowledged = Acknowledged(secrets=[*codes, *(code.replace("-", "") for code in codes), *links])
    check_invariants(target.service, acknowledged)


@pytest.mark.django_db
def test_b8_a_session_known_beforehand_is_not_the_one_that_is_signed_in(client):
    administrators.make_account()
    client.get("/oversee/sign-in")
    client.cookies["sessionid"] = "known-beforehand-by-somebody-else"
    assert administrators.through_the_pages(client).status_code == 303
    assert client.cookies["sessionid"].value != "known-beforehand-by-somebody-else"
    assert client.get("/oversee").status_code == 200
    client.cookies["sessionid"] = "known-beforehand-by-somebody-else"
    assert client.get("/oversee").status_code == 303


@pytest.mark.django_db
def test_b14_the_session_of_an_administrator_who_was_removed_opens_nothing(client):
    user = administrators.sign_in(client)
    assert client.get("/oversee").status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/oversee").status_code == 303


@pytest.mark.django_db
def test_a6_whoever_holds_a_forwarded_letter_is_told_whose_answer_it_is_and_the_one_named_sees_it(
    client,
):
    transfer = applied(BO, ANNA)
    address = link(transfer, Purpose.DECIDE)
    for language, words in (
        ("sv", "Svaret registreras i namnet"),
        ("en", "The answer is recorded in the name of"),
    ):
        assert (
            f'{words} <span translate="no">{ANNA}</span>.'
            in client.get(f"{address}?lang={language}").content.decode()
        )
    assert client.post(address, {"decision": "approve", "days": "3"}).status_code == 303
    afterwards = client.get(f"{address}?lang=sv")
    assert (afterwards.status_code, "Ansökan godkändes" in afterwards.content.decode()) == (410, True)
    entry = AuditEntry.objects.get(step="approved")
    assert (actors_of([entry])[entry.pk], entry.role) == (ANNA, "approver")
