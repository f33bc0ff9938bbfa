"""The organisation's branding in a browser: the logo is drawn, and buttons have the accent colour."""

import pytest

from tests.parts import browser as chromium
from tests.parts.shared_service import start_shared_service

LOGO = """<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40" viewBox="0 0 120 40">
<style>rect { fill: #00C800 }</style><rect width="120" height="40"/>
<script>document.title = "no"</script></svg>"""
PIXELS = """async () => {
    const logo = document.querySelector(".brand img");
    await logo.decode();
    const canvas = new OffscreenCanvas(120, 40).getContext("2d");
    canvas.drawImage(logo, 0, 0);
    return [...canvas.getImageData(60, 20, 1, 1).data, logo.clientWidth, logo.clientHeight];
}"""


@pytest.fixture(scope="module")
def branded(tmp_path_factory, database_server):
    folder = tmp_path_factory.mktemp("branded")
    (folder / "logo.svg").write_text(LOGO)
    own = {"LOGO": str(folder / "logo.svg"), "ACCENT": "#FFCC00"}
    with start_shared_service(folder, database_server, **own) as service:
        yield service


@pytest.mark.parametrize(("scheme", "colour"), [("light", "rgb(132, 104, 5)"), ("dark", "rgb(255, 204, 0)")])
def test_a_page_shows_the_logo_and_the_colour_in_both_schemes(branded, browser, scheme, colour):
    refused = []
    with chromium.person(browser, color_scheme=scheme) as page:
        page.on("console", lambda line: refused.append(line.text))
        page.goto(branded.url)
        assert page.evaluate(PIXELS) == [0, 200, 0, 255, 120, 40]
        button = page.get_by_role("button", name="Skicka ansökan")
        assert button.evaluate("each => getComputedStyle(each).backgroundColor") == colour
    assert refused == []


def test_a_logo_opened_by_itself_runs_nothing(branded, browser):
    with chromium.person(browser, hostile=True) as page:
        page.goto(branded.url)
        logo = page.locator(".brand img").get_attribute("src")
        page.goto(branded.url + logo)
        assert page.title() == ""
