"""A page of an administrator who has signed out is not shown again by the browser's memory of it."""

from playwright.sync_api import expect

PASSWORD = "en lång mening som ingen gissar"


def test_a_page_from_the_browsers_memory_is_loaded_again(make_service, page):
    service = make_service()
    service.env |= {
        "DJANGO_SUPERUSER_USERNAME": "eva",
        "DJANGO_SUPERUSER_EMAIL": "eva@ltdalarna.se",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }
    service.start()
    service.run("createsuperuser", "--noinput")
    page.goto(service.url + "/oversee/sign-in?lang=sv")
    page.get_by_label("Användarnamn").fill("eva")
    page.get_by_label("Lösenord").fill(PASSWORD)
    page.get_by_role("button", name="Logga in").click()
    expect(page.get_by_role("button", name="Logga ut")).to_be_visible()
    page.context.clear_cookies()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.get_by_label("Lösenord")).to_be_visible()
