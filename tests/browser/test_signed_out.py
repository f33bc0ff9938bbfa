"""A page of an administrator who has signed out is not shown again by the browser's memory of it."""

from playwright.sync_api import expect

from tests.parts import administrators


def test_a_page_from_the_browsers_memory_is_loaded_again(make_service, page):
    service = make_service()
    service.start()
    cookies = administrators.enrol(service).cookies
    page.context.add_cookies(
        [{"name": name, "value": value, "url": service.url} for name, value in cookies.items()]
    )
    page.goto(service.url + "/oversee?lang=sv")
    expect(page.get_by_role("button", name="Logga ut")).to_be_visible()
    page.context.clear_cookies()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.get_by_label("Lösenord")).to_be_visible()
