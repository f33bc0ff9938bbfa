"""The application form with a script: near, short and remembered; and what it is without one."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from filsluss.rules.suggestions import PROVIDERS
from tests.browser.steps import apply, apply_from_outside
from tests.parts.people import ANNA, BO, EVA, KARIN, path_of

CASES = json.loads((Path(__file__).parents[1] / "data" / "suggestions.json").read_text())
BOX, APPROVER, DAYS = "#recipient_outside", "#approver_email", "#days"


def blur(page, field, text):
    page.locator(field).fill(text)
    page.keyboard.press("Tab")


def meant(page, field):
    return page.locator(f"{field}-meant")


def shown(page):
    return [name for name in (BOX, APPROVER, DAYS) if page.locator(name).is_visible()]


def test_only_the_fields_that_concern_the_writer_are_there(service, page):
    page.goto(service.url)
    assert shown(page) == [BOX]
    page.locator("#sender_email").press_sequentially(ANNA)
    assert shown(page) == [DAYS]
    expect(page.locator(f"{DAYS} option").first).to_contain_text("1 dag, till och med ")
    page.locator("#sender_email").fill(BO)
    assert shown(page) == [BOX]
    page.locator("#recipient_email").fill(ANNA)
    assert shown(page) == []
    page.locator("#recipient_email").fill(EVA)
    page.locator(BOX).check()
    assert shown(page) == [BOX, APPROVER]
    page.locator("#sender_email").fill(ANNA)
    assert shown(page) == [DAYS]
    page.locator("#sender_name").fill("Anna Berg")
    page.locator("#purpose").fill("Ritningar")
    page.locator("#accept_terms").check()
    page.get_by_role("button", name="Skicka ansökan").click()
    expect(page.get_by_role("heading", name="Filer till", level=1)).to_be_visible()


def test_a_field_with_an_error_is_there_whomever_it_concerns(service, page):
    page.goto(service.url)
    page.locator("#sender_name").fill("Bo")
    page.locator("#sender_email").fill(BO)
    page.locator("#recipient_email").fill(EVA)
    page.get_by_role("button", name="Skicka ansökan").click()
    expect(page.locator("#recipient_outside-error")).to_be_visible()
    page.locator("#sender_email").fill(ANNA)
    assert shown(page) == [BOX, DAYS]


def test_without_a_script_every_field_is_there_and_the_server_judges(service, browser):
    context = browser.new_context(locale="sv-SE", java_script_enabled=False)
    page = context.new_page()
    page.goto(service.url)
    assert (shown(page), page.locator("#remember").is_visible()) == ([BOX, DAYS], False)
    page.locator(BOX).check()
    assert shown(page) == [BOX, APPROVER, DAYS]
    page.locator(BOX).uncheck()
    page.locator("#sender_name").fill("Bo Ek")
    page.locator("#sender_email").fill(BO)
    page.locator("#recipient_email").fill("maria@ltdalarna.com")
    page.get_by_role("button", name="Skicka ansökan").click()
    expect(meant(page, "#recipient_email")).to_contain_text("Menade du maria@ltdalarna.se?")
    meant(page, "#recipient_email").get_by_role("button", name="Ja, ändra").click()
    expect(page.locator("#recipient_email")).to_have_value("maria@ltdalarna.se")
    expect(page.locator("#sender_name")).to_have_value("Bo Ek")
    context.close()


def test_the_script_suggests_what_the_server_does(service, page):
    page.goto(service.url)
    address = page.locator('link[rel=modulepreload][href*="did-you-mean"]').get_attribute("href")
    ask = """async ([address, typed, inside, providers]) => {
        const { meantAddress } = await import(address);
        return typed.map((each) => meantAddress(each, inside, providers));
    }"""
    typed = [*CASES["meant"], *CASES["as_good_as_any"]]
    said = page.evaluate(ask, [address, typed, CASES["inside_domains"], PROVIDERS])
    assert dict(zip(typed, said, strict=True)) == {
        **CASES["meant"],
        **dict.fromkeys(CASES["as_good_as_any"], ""),
    }


def test_a_suggestion_comes_when_the_field_is_left_and_hinders_nobody(service, mail_server, page):
    page.goto(service.url)
    page.locator("#recipient_email").press_sequentially("bo@gmial.com")
    expect(meant(page, "#recipient_email")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(meant(page, "#recipient_email")).to_contain_text("Menade du bo@gmail.com?")
    meant(page, "#recipient_email").get_by_role("button").click()
    expect(page.locator("#recipient_email")).to_have_value("bo@gmail.com")
    expect(page.locator("#recipient_email")).to_be_focused()
    expect(meant(page, "#recipient_email")).to_be_hidden()
    apply(page, service.url, recipient="bo@gmial.com")
    expect(page.get_by_role("heading", name="Filer till", level=1)).to_be_visible()
    assert mail_server.one("approved", to=ANNA)


def test_names_and_addresses_are_remembered_when_asked_for_and_forgotten_by_one_button(service, page):
    apply_from_outside(page, service.url)
    page.goto(service.url)
    expect(page.locator("#sender_name")).to_have_value("")
    assert page.evaluate("localStorage.length") == 0
    page.locator("#remember").check()
    page.locator("#sender_name").fill("Bo Ek")
    page.locator("#sender_email").fill(BO)
    page.locator("#recipient_email").fill(EVA)
    page.locator(BOX).check()
    page.locator(APPROVER).fill(KARIN)
    page.locator("#purpose").fill("Hemliga ritningar")
    page.locator("#accept_terms").check()
    page.get_by_role("button", name="Skicka ansökan").click()
    page.wait_for_url("**/status/**")
    kept = page.evaluate("localStorage.getItem('filsluss-remembered')")
    fields = {"sender_name": "Bo Ek", "sender_email": BO, "approver_email": KARIN}
    assert json.loads(kept) == {"fields": fields, "recipients": [EVA]}

    page.goto(service.url)
    expect(page.locator("#sender_name")).to_have_value("Bo Ek")
    expect(page.locator("#sender_email")).to_have_value(BO)
    expect(page.locator("#recipient_email")).to_have_value("")
    expect(page.locator("#remember")).to_be_checked()
    assert page.evaluate("[...document.querySelectorAll('#recipients option')].map(o => o.value)") == [EVA]
    page.get_by_role("button", name="Glöm det som är sparat här").click()
    expect(page.get_by_text("Inget är längre sparat på den här enheten.")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0
    page.goto(service.url)
    expect(page.locator("#sender_name")).to_have_value("")


def test_who_takes_the_tick_away_is_forgotten_when_the_form_is_sent(service, page):
    page.goto(service.url)
    kept = json.dumps({"fields": {"sender_name": "Bo"}, "recipients": []})
    page.evaluate("text => localStorage.setItem('filsluss-remembered', text)", kept)
    apply_from_outside(page, service.url)
    assert page.evaluate("localStorage.length") == 1
    page.goto(service.url)
    page.locator("#remember").uncheck()
    page.locator("#sender_email").fill(BO)
    page.locator("#recipient_email").fill(ANNA)
    page.locator("#purpose").fill("Ritningar")
    page.locator("#accept_terms").check()
    page.get_by_role("button", name="Skicka ansökan").click()
    page.wait_for_url("**/status/**")
    assert page.evaluate("localStorage.length") == 0


def test_what_is_remembered_wrongly_is_nothing(service, page):
    for broken in ("nonsense", "null", "[]", '{"fields": 1}', '{"fields": {}, "recipients": {}}'):
        page.goto(service.url)
        page.evaluate("text => localStorage.setItem('filsluss-remembered', text)", broken)
        page.goto(service.url)
        expect(page.locator("#remember")).not_to_be_checked()
        assert (broken, shown(page)) == (broken, [BOX])


def test_a_prefilled_link_fills_the_form_in_and_no_server_sees_it(service, page):
    page.goto(f"{service.url}/link")
    page.get_by_label("Mottagarens e-postadress").fill(EVA)
    page.get_by_label("Anledning (valfritt)").fill("Ritningar & mått åäö")
    page.get_by_label("Godkännarens e-postadress (valfritt)").fill(KARIN)
    page.get_by_role("button", name="Gör länken").click()
    link = page.locator(".made-link").get_attribute("href")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(link)
    expect(page.locator("#recipient_email")).to_have_value(EVA)
    expect(page.locator("#purpose")).to_have_value("Ritningar & mått åäö")
    expect(page.locator(BOX)).to_be_checked()
    expect(page.locator(APPROVER)).to_have_value(KARIN)
    assert shown(page) == [BOX, APPROVER]
    assert [url for url in asked if "konsult" in url.partition("#")[0]] == []
    assert "#" not in page.url
    page.locator("#purpose").fill("Något annat")
    page.get_by_role("button", name="In English").click()
    expect(page.locator("#purpose")).to_have_value("Något annat")
    expect(page.locator("#recipient_email")).to_have_value(EVA)


def test_a_link_with_nonsense_in_it_fills_nothing_in(service, page):
    page.goto(f"{service.url}/#to=<script>alert(1)</script>&approver=x&why={'y' * 600}")
    expect(page.locator("#recipient_email")).to_have_value("")
    expect(page.locator(APPROVER)).to_have_value("")
    assert len(page.locator("#purpose").input_value()) == 500
    assert page.locator(BOX).is_checked() is False


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_first_field_is_in_view_and_the_buttons_of_a_decision_are(service, mail_server, page, language):
    for size, most in (((1280, 800), 360), ((375, 667), 480), ((320, 568), 560)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(f"{service.url}/?lang={language}")
        assert page.locator("#sender_name").bounding_box()["y"] <= most, size
    apply_from_outside(page, service.url)
    (link,) = mail_server.one("approval-requested", to=ANNA).links("decide")
    page.set_viewport_size({"width": 375, "height": 667})
    page.goto(f"{service.url}{path_of(link)}?lang={language}")
    for button in (page.locator("#decision button").first, page.locator("#decision summary")):
        box = button.bounding_box()
        assert box["y"] + box["height"] <= 667


def test_a_wide_window_has_two_columns_and_a_narrow_one_the_form_first(service, page):
    def place(selector):
        return page.locator(selector).bounding_box()

    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(service.url)
    assert place("#aside")["x"] > place("#form")["x"] + place("#form")["width"]
    page.set_viewport_size({"width": 800, "height": 800})
    assert place("#aside")["y"] > place("#form")["y"] + place("#form")["height"]
