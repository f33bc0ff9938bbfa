"""Sign-in with a provider of others, through its own pages: by plain requests, and once in a browser."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.identity.real_provider import CLIENT, RealProvider, Walker, real_provider
from tests.parts import people
from tests.parts.eventually import eventually
from tests.parts.mail_server import MailServer
from tests.parts.service import Service
from tests.parts.storage import rows

pytestmark = pytest.mark.live
SENDING = {"recipient_email": "bo@rontgen.example", "purpose": "Ritning", "days": "3", "language": "sv"}


class Known(Service):
    """A service that the provider knows."""

    provider: RealProvider
    mail_server: MailServer


@pytest.fixture(scope="module")
def known(tmp_path_factory: Any, database_server: Any) -> Iterator[Known]:
    with ExitStack() as until_the_end:
        own = {"INSIDE_NETWORKS": ""}
        if database_server:
            own["DATABASE_URL"] = until_the_end.enter_context(database_server.migrated_database("identity"))
        mail_server = MailServer()
        mail_server.start()
        until_the_end.callback(mail_server.stop)
        service = Known(tmp_path_factory.mktemp("identity") / "service", SMTP_URL=mail_server.url, **own)
        until_the_end.callback(service.tear_down)
        service.mail_server = mail_server
        service.provider = until_the_end.enter_context(real_provider(service.url))
        service.env |= {f"FILSLUSS_{name}": value for name, value in service.provider.settings.items()}
        service.start()
        yield service


@pytest.fixture
def walker() -> Walker:
    return Walker()


def test_somebody_inside_signs_in_sends_at_once_and_signs_out(known, walker):
    page = walker.sign_in(f"{known.url}/staff/apply", "anna")
    assert (page.status_code, page.url, "Anna Berg" in page.text) == (200, f"{known.url}/staff/apply", True)
    sent = walker.post(page, "/staff/apply", **SENDING, accept_terms="1")
    assert sent.url.startswith(f"{known.url}/upload/")
    proofs = rows(known, "SELECT proof FROM filsluss_party WHERE role = 'sender'")
    assert proofs == [("sign-in",)]
    home = walker.session.get(f"{known.url}/staff")
    assert "bo@rontgen.example" in home.text
    out = walker.post(home, "/staff/sign-out")
    assert f"{known.provider.issuer}/session/end?client_id={CLIENT}" in out.text.replace("&amp;", "&")
    again = walker.session.get(f"{known.url}/staff", allow_redirects=False)
    assert (again.status_code, "/staff/sign-in" in again.headers["Location"]) == (303, True)


def test_a_group_gives_a_role_and_a_fresh_sign_in_asks_anew(known, walker):
    walker.sign_in(f"{known.url}/staff", "eva")
    roles = "SELECT role FROM filsluss_rolegrant g JOIN filsluss_person p ON p.id = g.person_id"
    assert rows(known, f"{roles} WHERE p.address = 'eva.ek@ltdalarna.se'") == [("administrator",)]
    asked = walker.session.get(f"{known.url}/staff/sign-in?fresh=1")
    assert 'name="login"' in asked.text  # although the provider has a session
    assert walker.sign_in(f"{known.url}/staff/sign-in?fresh=1", "eva").url == f"{known.url}/staff"


def test_somebody_who_is_not_inside_is_told_so(known, walker):
    page = walker.sign_in(f"{known.url}/staff", "bo")
    assert (page.status_code, "Du kan inte logga in här" in page.text) == (403, True)
    assert "röntgen" not in page.text


def test_the_approver_answers_signed_in(known, walker):
    outside = {
        **people.FORM,
        "sender_email": "bo@rontgen.example",
        "recipient_email": "anna.berg@ltdalarna.se",
    }
    known.post("/", outside)
    letter = known.mail_server.one("approval-requested", to="anna.berg@ltdalarna.se")
    (link,) = letter.links("decide")
    token = people.path_of(link).rpartition("/")[2]
    page = walker.sign_in(f"{known.url}/staff/decide/{token}", "anna")
    answer = walker.post(page, f"/staff/decide/{token}", decision="approve", days="3")
    assert answer.status_code == 200
    entries = rows(
        known, "SELECT proof, person FROM filsluss_auditentry WHERE step = 'approved' AND role = 'approver'"
    )
    assert [(proof, person[:5]) for proof, person in entries] == [("sign-in", "user:")]


def test_who_signs_out_there_is_signed_out_here(known, walker):
    walker.sign_in(f"{known.url}/staff", "anna")
    asked = walker.session.get(f"{known.provider.issuer}/session/end?client_id={CLIENT}")
    secret = asked.text.partition('name="xsrf" value="')[2].partition('"')[0]
    walker.session.post(
        f"{known.provider.issuer}/session/end/confirm", data={"xsrf": secret, "logout": "yes"}
    )
    eventually(lambda: walker.session.get(f"{known.url}/staff", allow_redirects=False).status_code == 303)


def test_check_goes_to_the_provider_and_says_what_is_wrong(known):
    def said() -> str:
        ran = known.run("check", "--deploy", check=False)
        (line,) = [line for line in ran.stdout.splitlines() if " sign in provider: " in line]
        return line

    assert said() == f"OK    sign in provider: {known.provider.issuer} answers, has keys and knows {CLIENT}"
    own = dict(known.env)
    try:
        known.env["FILSLUSS_OIDC_CLIENT_SECRET"] = "another"
        assert said().startswith("WRONG sign in provider: ")
        assert "invalid_client" in said()
        known.env = {**own, "FILSLUSS_OIDC_ISSUER": f"{known.provider.issuer}/"}
        assert "calls itself" in said()
        known.env = {**own, "FILSLUSS_OIDC_ISSUER": "http://localhost:1"}
        assert "localhost" in said()
    finally:
        known.env = own


def refuse(route: Any) -> None:
    """What the provider's pages want of other hosts."""
    route.abort()


def test_the_whole_way_in_a_browser_without_a_script(known, browser):
    with closing(browser.new_context(locale="sv-SE", java_script_enabled=False)) as context:
        context.route(lambda address: "localhost" not in address and "127.0.0.1" not in address, refuse)
        page = context.new_page()
        page.goto(f"{known.url}/?lang=sv")
        page.get_by_role("link", name="Logga in").click()
        page.fill("input[name=login]", "anna")
        page.fill("input[name=password]", "any")
        page.click("button[type=submit]")
        page.click("button[type=submit]")  # the provider asks whether this service may know
        expect(page.get_by_role("heading", level=1)).to_have_text("Skicka filer")
        page.fill("#recipient_email", "bo@rontgen.example")
        page.fill("#purpose", "Ritning")
        page.check("#accept_terms")
        page.get_by_role("button", name="Skicka ansökan").click()
        expect(page).to_have_url(f"{known.url}/upload/" + page.url.rpartition("/")[2])
        page.goto(f"{known.url}/staff?lang=en")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your cases")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out here")
