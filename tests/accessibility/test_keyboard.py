"""All three directions by keyboard alone; the focus is always visible, and goes down the page."""

import itertools

import pytest
from playwright.sync_api import expect

from tests.parts import browser as chromium
from tests.parts import people
from tests.parts.keyboard import Keyboard, is_seen
from tests.parts.people import ANNA, BO, EVA, FROM_OUTSIDE, KARIN

PAGES = (
    "apply",
    "code",
    "decide",
    "upload-empty",
    "upload",
    "download",
    "status-recipient",
    "accessibility",
    "oversee-case",
)


def fill_in(page, service, *, name, sender, recipient, contact=""):
    """The application, from the top of the page to its button."""
    page.goto(service.url)
    keys = Keyboard(page)
    keys.type("Ditt namn", name)
    keys.type("Din e-postadress", sender)
    keys.type("Mottagarens e-postadress", recipient)
    if contact:
        keys.press(
            page.get_by_label("Varken jag eller mottagaren har en e-postadress hos Landstinget Dalarna"),
            "Space",
        )
        keys.type("Godkännarens e-postadress", contact)
    keys.type("Anledning", "Ritningar till den nya mottagningen")
    keys.press(page.locator("#accept_terms"), "Space")
    keys.press(page.get_by_role("button", name="Skicka ansökan"))
    page.wait_for_url(lambda url: url != f"{service.url}/")
    return keys


def approve(page, link):
    page.goto(link)
    keys = Keyboard(page)
    keys.go_to(page.locator("#days"))
    page.keyboard.type("3 dagar")
    keys.press(page.get_by_role("button", name="Godkänn ansökan"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Ansökan är godkänd")


def upload(page, path):
    """Chooses a file with Enter on the button, and waits until all of it is there."""
    page.on("filechooser", lambda opened: None)  # listened for well before: it takes the browser a moment
    chooser = page.locator("#choose")
    chooser.wait_for()
    keys = Keyboard(page)
    keys.go_to(chooser)
    with page.expect_file_chooser() as opened:
        page.keyboard.press("Enter")
    opened.value.set_files(path)
    expect(page.get_by_text("Klar. Mejlet till mottagaren skickades")).to_be_visible()
    return keys


def fetch(page, link):
    page.goto(link)
    keys = Keyboard(page)
    keys.go_to(page.get_by_role("link", name="Ladda ner ritning.txt"))
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    return download.value.path().read_bytes()


@pytest.fixture
def drawing(tmp_path):
    path = tmp_path / "ritning.txt"
    path.write_bytes(b"Plan 2")
    return path


def test_outbound_by_keyboard(service, mail_server, page, drawing):
    fill_in(page, service, name="Anna Berg", sender=ANNA, recipient=BO)
    upload(page, drawing)
    assert fetch(page, mail_server.one("file-ready", to=BO).links("download")[0]) == b"Plan 2"


def test_inbound_by_keyboard(service, mail_server, page, drawing):
    fill_in(page, service, name="Bo Ek", sender=BO, recipient=ANNA)
    approve(page, mail_server.one("approval-requested", to=ANNA).links("decide")[0])
    page.goto(mail_server.one("approved", to=BO).links("upload")[0])
    upload(page, drawing)
    assert fetch(page, mail_server.one("file-ready", to=ANNA).links("download")[0]) == b"Plan 2"


def test_through_by_keyboard(service, mail_server, page, drawing):
    fill_in(page, service, name="Bo Ek", sender=BO, recipient=EVA, contact=KARIN)
    approve(page, mail_server.one("approval-requested", to=KARIN).links("decide")[0])
    page.goto(mail_server.one("approved", to=BO).links("upload")[0])
    upload(page, drawing)
    assert fetch(page, mail_server.one("file-ready", to=EVA).links("download")[0]) == b"Plan 2"


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "plain"])
@pytest.mark.parametrize("field", ["#days", "#rejection_reason"])
def test_enter_in_a_field_decides_nothing(service, mail_server, browser, scripted, field):
    people.apply(service, FROM_OUTSIDE)
    link = mail_server.one("approval-requested").links("decide")[0]
    sent = []
    with chromium.person(browser, java_script_enabled=scripted) as page:
        page.goto(link)
        page.on("request", lambda request: sent.append(request.method))
        place = page.locator(field)
        if field == "#rejection_reason":
            page.locator("#decision summary").click()
        place.focus()
        if field == "#days":
            page.keyboard.type("3 dagar")
        else:
            page.keyboard.type("Nej tack")
        for key in ("Enter", "Control+Enter", "Enter"):
            page.keyboard.press(key)
        page.keyboard.press("Escape")
        page.wait_for_timeout(300)
        assert "POST" not in sent
    assert service.get(link).status == 200


@pytest.mark.parametrize("name", PAGES)
def test_the_focus_goes_down_the_page_and_is_always_seen(populated, browser, name):
    with chromium.person(browser, viewport={"width": 1280, "height": 800}) as page:
        populated.open_page(page, name, "sv")
        if name.startswith("upload"):
            page.locator("#drop").wait_for()
        stops = Keyboard(page).tab_to_end()
        assert stops[0]["name"] == "Hoppa till innehållet"
        assert [stop for stop in stops if not is_seen(stop)] == []
        assert [stop["name"] for stop in stops if not stop["follows"]] == []


@pytest.mark.parametrize("width", [1280, 375])
def test_the_tab_key_goes_where_the_eye_goes_on_the_empty_upload_page(populated, browser, width):
    """Beside the chooser the rule comes after it; above it, before it."""
    with chromium.person(browser, viewport={"width": width, "height": 800}) as page:
        populated.open_page(page, "upload-empty", "sv")
        page.locator("#drop").wait_for()
        place = "document.getElementById('choose').compareDocumentPosition(document.getElementById('terms'))"
        comes_after = page.evaluate(f"Boolean({place} & Node.DOCUMENT_POSITION_FOLLOWING)")
        assert comes_after is (width == 1280)


BOXES = """() => [...document.querySelectorAll("main :is(a[href], button, input, select, summary)")]
    .filter(each => each.checkVisibility() && each.type !== "hidden")
    .map(each => {
        const { left, top, right, bottom } = each.getBoundingClientRect();
        return { what: each.outerHTML.slice(0, 60), left, top, right, bottom };
    })"""


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", ["upload-empty", "upload"])
def test_without_script_the_tab_key_goes_down_and_to_the_right_on_the_upload_page(
    populated, browser, name, width
):
    """Nothing comes later that lies higher, unless it lies further to the right."""
    with chromium.person(
        browser, viewport={"width": width, "height": 800}, java_script_enabled=False
    ) as page:
        populated.open_page(page, name, "sv")
        boxes = page.evaluate(BOXES)
    assert len(boxes) > 5
    pairs = itertools.pairwise(boxes)
    back = [(one, two) for one, two in pairs if two["bottom"] <= one["top"] and two["left"] < one["right"]]
    beside = [
        (one, two)
        for one, two in itertools.pairwise(boxes)
        if two["right"] <= one["left"] and two["top"] < one["bottom"]
    ]
    assert (back, beside) == ([], [])


def test_the_skip_link_leads_to_the_content(populated, browser):
    with chromium.person(browser) as page:
        populated.open_page(page, "apply", "sv")
        Keyboard(page).press(page.get_by_role("link", name="Hoppa till innehållet"))
        assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("name", ["apply-wrong", "decide-wrong-reason", "code-wrong"])
def test_after_an_error_the_summary_has_the_focus_and_leads_to_the_field(populated, browser, name):
    with chromium.person(browser) as page:
        populated.open_page(page, name, "sv")
        assert page.evaluate("document.activeElement.id") == "summary"
        first = page.locator("#summary a").first
        wanted = first.get_attribute("href").removeprefix("#")
        Keyboard(page).press(first)
        assert page.evaluate("document.activeElement.id") == wanted
