"""A passkey, in Chromium with an authenticator of its own, under the policy that our pages are sent with."""

import pyotp
import pytest
from playwright.sync_api import expect

from tests.parts import administrators


@pytest.fixture
def authenticator(page):
    """One that verifies its user; `verify(False)` makes it stop doing so."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    options |= {"hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
    found = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def verify(verified):
        session.send("WebAuthn.setUserVerified", {"authenticatorId": found, "isUserVerified": verified})

    return verify


def test_a_passkey_is_registered_and_opens_the_pages_with_its_user_verified_only(
    make_service, page, authenticator
):
    service = make_service()
    here = service.env["FILSLUSS_BASE_URL"].replace("127.0.0.1", "localhost")
    service.env["FILSLUSS_BASE_URL"] = here
    service.start()
    page.goto(f"{here}{administrators.path_of_link(service, 'eva')}?lang=en")
    page.get_by_label("New password").fill(administrators.PASSWORD)
    page.get_by_role("button", name="Save and go on").click()
    page.goto(f"{here}/oversee/me/factors?lang=en")
    page.get_by_label("Name of the new passkey").fill("The key in the safe")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    page.goto(f"{here}/oversee/me/factors?lang=en")
    secret = administrators.secret_on(page.content())
    page.get_by_label("Code in the app").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Use the app").click()
    expect(page.get_by_text("An app is in use.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    def password():
        page.goto(f"{here}/oversee/sign-in?lang=en")
        page.get_by_label("User name").fill("eva")
        page.get_by_label("Password").fill(administrators.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Use a passkey").click()

    authenticator(False)
    password()
    expect(page.get_by_text("The passkey was not accepted.").first).to_be_visible()
    authenticator(True)
    password()
    expect(page.get_by_role("heading", name="Cases")).to_be_visible()
