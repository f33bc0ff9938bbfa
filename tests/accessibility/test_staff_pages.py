"""Pages under /staff and /oversee: axe finds nothing, and the keyboard reaches everything in order."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin

import pytest
import requests
from playwright.sync_api import Page

from tests.accessibility.test_axe import PAIRS, ids
from tests.identity.issuer import CLIENT, SECRET, Issuer
from tests.parts import administrators, people
from tests.parts import browser as chromium
from tests.parts.administrators import NAME, PASSWORD, Browser
from tests.parts.axe import axe_violations, load_axe
from tests.parts.keyboard import Keyboard, is_seen
from tests.parts.people import BO, FROM_OUTSIDE, KARIN
from tests.parts.service import Response
from tests.parts.shared_service import SharedService, start_shared_service

SENDING = {"recipient_email": BO, "purpose": "Ritningar", "days": "3", "language": "sv", "accept_terms": "1"}
PLAIN = ("/staff", "/staff/apply", "/staff/signed-in", "/staff/return")
"""And the answers of forms, which `Signed.answers` holds."""


@dataclass
class Signed:
    """A service, and one of its staff, signed in twice."""

    service: SharedService
    issuer: Issuer
    session: requests.Session = field(default_factory=requests.Session)

    def sign_in(self, session: requests.Session) -> requests.Response:
        begun = session.get(f"{self.service.url}/staff/sign-in", allow_redirects=False, timeout=30)
        back = self.issuer.login(begun.headers["Location"])
        return session.get(f"{self.service.url}/staff/return?{back}", timeout=30)

    def post(self, page: requests.Response, path: str, **form: str) -> requests.Response:
        (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text))
        return self.session.post(
            urljoin(page.url, path),
            {**form, "csrfmiddlewaretoken": token},
            headers={"Origin": self.service.url},
            timeout=30,
        )

    def populate(self) -> None:
        """A case of each list: waiting, sent, to them, and answered."""
        for _ in range(2):
            people.apply(self.service, FROM_OUTSIDE)
        others = people.apply(self.service, FROM_OUTSIDE, recipient_email=KARIN)
        assert others.location
        self.sign_in(requests.Session())
        home = self.sign_in(self.session)
        first, second = sorted(set(re.findall(r'href="(/staff/decide/[^"]+)"', home.text)))
        page = self.session.get(urljoin(home.url, first), timeout=30)
        self.post(page, first, decision="approve", days="3")
        self.post(self.session.get(f"{self.service.url}/staff/apply", timeout=30), "/staff/apply", **SENDING)
        self.waiting = second
        letter = next(each for each in self.service.mail_server.of("approval-requested") if KARIN in each.to)
        self.of_another = people.path_of(letter.links("decide")[0]).replace("/decide/", "/staff/decide/")

    def populate_oversight(self) -> None:
        """An administrator of the service's own, and a row in every list of theirs."""
        self.admin = admin = administrators.enrol(self.service)
        home, persons = admin.get("/oversee").text, admin.get("/oversee/persons?q=Anna").text
        self.case = re.findall(r'href="(/oversee/transfers/[0-9A-Z-]+)', home)[0]
        self.person = re.findall(r'href="(/oversee/persons/[0-9]+)', persons)[0]
        admin.get("/oversee/blocked")
        blocked = {"value": ".spam.example", "reason": "Skräp", "days": "30"}
        assert admin.post("/oversee/blocked/add", **blocked).status == 303

    def oversight(self, language: str) -> dict[str, Response]:
        """Each page, and what a wrong form is answered with."""
        admin, asked = self.admin, f"?lang={language}"
        paths = ["/oversee", self.case, self.person, "/oversee/persons", "/oversee/security"]
        paths += ["/oversee/blocked", "/oversee/me/prove", "/oversee/me/factors", "/oversee/sign-in"]
        found = {path.strip("/"): admin.get(path + asked) for path in paths}
        app = {"act": "app", "code": "0"}
        found["factors-wrong"] = admin.post(f"/oversee/me/factors{asked}", **app)
        found["block-wrong"] = admin.post(f"/oversee/blocked/add{asked}", value="", reason="", days="")
        found["role-wrong"] = admin.post(self.person + asked, act="give", role="", scope="", days="x")
        found["shut-out"] = admin.get(f"{self.person}{asked}&done=let-in")
        return found | self.on_the_way_in(asked)

    def on_the_way_in(self, asked: str) -> dict[str, Response]:
        """The second step, and the page of a link for a new account."""
        way, link = Browser(self.service), administrators.path_of_link(self.service, "k" + asked[-2:])
        way.get(f"/oversee/sign-in{asked}")
        found = {"sign-in-wrong": way.post(f"/oversee/sign-in{asked}", username="x", password="y")}
        right = way.post(f"/oversee/sign-in{asked}", username=NAME, password=PASSWORD)
        found["code"] = way.get(right.location)
        found["code-wrong"] = way.post(right.location, code="000000")
        found["password"] = way.get(link + asked)
        found["password-wrong"] = way.post(link + asked, password="kort")
        return found

    def answers(self, language: str) -> dict[str, tuple[int, str]]:
        """What forms are answered with, and whoever may not answer: status and text."""
        asked = f"?lang={language}"
        form = self.session.get(f"{self.service.url}/staff/apply{asked}", timeout=30)
        wrong = self.post(form, f"/staff/apply{asked}", recipient_email="anna")
        kept = requests.post(f"{self.service.url}/staff/apply{asked}", SENDING, timeout=30)
        decide = self.session.get(f"{self.service.url}{self.waiting}{asked}", timeout=30)
        undecided = self.post(decide, f"{self.waiting}{asked}", decision="approve", days="")
        other = self.session.get(f"{self.service.url}{self.of_another}{asked}", timeout=30)
        cancelled = requests.Session()
        begun = cancelled.get(
            f"{self.service.url}/staff/sign-in{asked}", allow_redirects=False, timeout=30
        ).headers["Location"]
        state = re.findall(r"[?&]state=([^&]+)", begun)[0]
        back = f"{self.service.url}/staff/return{asked}&error=access_denied&state={state}"
        ended = cancelled.get(back, timeout=30)
        found = {"wrong": wrong, "kept": kept, "decide-wrong": undecided, "not-theirs": other, "ended": ended}
        return {name: (answer.status_code, answer.text) for name, answer in found.items()}


@pytest.fixture(scope="module")
def signed(tmp_path_factory, database_server) -> Iterator[Signed]:
    issuer = Issuer().start()
    own = {"OIDC_ISSUER": issuer.url, "OIDC_CLIENT_ID": CLIENT, "OIDC_CLIENT_SECRET": SECRET}
    folder = tmp_path_factory.mktemp("staff")
    try:
        with start_shared_service(folder, database_server, INSIDE_NETWORKS="", **own) as service:
            made = Signed(service, issuer)
            made.populate()
            made.populate_oversight()
            yield made
    finally:
        issuer.stop()


@contextmanager
def at_desk(signed: Signed, browser, **habits) -> Iterator[Page]:
    with chromium.person(browser, **habits) as page:
        cookies = [
            {"name": each.name, "value": each.value or "", "url": signed.service.url}
            for each in signed.session.cookies
        ]
        page.context.add_cookies(cookies)
        yield page


def show(page: Page, url: str, text: str) -> None:
    page.route(url, lambda route: route.fulfill(body=text, content_type="text/html; charset=utf-8"), times=1)
    page.goto(url)


def opened(signed: Signed, page: Page, language: str) -> Iterator[str]:
    """Each page, open in the browser, by its name."""
    for path in (*PLAIN, signed.waiting):
        page.goto(f"{signed.service.url}{path}?lang={language}")
        yield path.replace(signed.waiting, "decide")
    for name, (status, text) in signed.answers(language).items():
        assert (name, status) == (name, {"wrong": 422, "decide-wrong": 422, "ended": 400}.get(name, 403))
        show(page, f"{signed.service.url}/staff/{name}", text)
        yield name


@pytest.mark.parametrize("look", PAIRS[:2], ids=map(ids, PAIRS[:2]))
def test_axe_finds_nothing_and_no_page_is_wider_than_its_window(signed, browser, look):
    language, scheme, script, width = look
    habits = {"color_scheme": scheme, "locale": language, "viewport": {"width": width, "height": 800}}
    found = {}
    with at_desk(signed, browser, **habits) as page:
        load_axe(page)
        if not script:
            page.route("**/*.js", lambda route: route.abort())  # axe itself must still be able to run
        for name in opened(signed, page, language):
            found |= faults(page, name, width)
    assert found == {}


def faults(page: Page, name: str, width: int) -> dict[str, tuple[list, int]]:
    """By its name, what axe reports on the page, and how wide it is if that is too wide; else nothing."""
    said = [
        (each["id"], node["target"], node["failureSummary"])
        for each in axe_violations(page)
        for node in each["nodes"]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth")
    return {name: (said, wide)} if said or wide > width else {}


@pytest.mark.parametrize("look", [("sv", "light", True, 320), ("en", "dark", False, 320)], ids=ids)
def test_axe_finds_nothing_on_a_page_of_oversight_and_none_is_wider_than_its_window(signed, browser, look):
    language, scheme, script, width = look
    habits = {"color_scheme": scheme, "locale": language, "viewport": {"width": width, "height": 800}}
    found = {}
    with chromium.person(browser, **habits) as page:
        load_axe(page)
        if not script:
            page.route("**/*.js", lambda route: route.abort())
        for name, answer in signed.oversight(language).items():
            assert (name, answer.status) == (name, 422 if name.endswith("-wrong") else 200)
            show(page, f"{signed.service.url}/oversee/{name.replace('/', '-')}", answer.text)
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            found |= faults(page, name, width)
    assert found == {}


def test_the_focus_goes_down_each_page_and_is_always_seen(signed, browser):
    """Each in a tab of its own, since a tab keeps where the focus was."""
    with at_desk(signed, browser, viewport={"width": 1280, "height": 800}) as first:
        for path in (*PLAIN, signed.waiting):
            page = first.context.new_page()
            page.goto(f"{signed.service.url}{path}?lang=sv")
            stops = Keyboard(page).tab_to_end()
            assert (path, stops[0]["name"]) == (path, "Hoppa till innehållet")
            assert (path, [stop for stop in stops if not is_seen(stop)]) == (path, [])
            assert (path, [stop["name"] for stop in stops if not stop["follows"]]) == (path, [])


def test_somebody_signs_out_by_keyboard(signed, browser):
    other = requests.Session()
    signed.sign_in(other)
    with at_desk(signed, browser) as page:
        page.context.clear_cookies()
        cookies = [
            {"name": each.name, "value": each.value or "", "url": signed.service.url}
            for each in other.cookies
        ]
        page.context.add_cookies(cookies)
        page.goto(f"{signed.service.url}/staff")
        Keyboard(page).press(page.get_by_role("button", name="Logga ut"))
        page.get_by_role("heading", name="Du är utloggad här").wait_for()
        stops = Keyboard(page).tab_to_end()
        assert [stop for stop in stops if not is_seen(stop)] == []
