"""`bin/demo` as a newcomer meets it: one command, one address, and letters that never leave the machine."""

import contextlib
import html
import http.client
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.steps import apply, choose, download, is_sent, sha256, write_file
from tests.parts.axe import axe_violations
from tests.parts.browser import person, while_page_works
from tests.parts.eventually import eventually
from tests.parts.installation import bare_environment
from tests.parts.mail_server import free_port
from tests.parts.people import ANNA, BO, FORM, KARIN
from tests.parts.service import has_exited, process_tree

PROGRAM = Path(__file__).parent.parent / "bin" / "demo"

# Of another installation, whose settings somebody has in the environment.
OTHERS = {
    "FILSLUSS_BASE_URL": "https://fts.example.se",
    "FILSLUSS_ORGANISATION": "Annan region",
    "FILSLUSS_INSIDE_DOMAINS": "annan.example",
    "FILSLUSS_SMTP_URL": "smtp://127.0.0.1:1",
    "FILSLUSS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "FILSLUSS_NEVER_HEARD_OF": "1",
    "http_proxy": "http://127.0.0.1:1",  # nor is its sign-in asked through a proxy
}


class Demo:
    """Started as a person would start it; `printed` is its output by the time it is ready."""

    def __init__(self, data: Path) -> None:
        self.port = free_port()
        self.data = data
        self.url = f"http://localhost:{self.port}"

    def start(self) -> "Demo":
        self.errors = self.data.with_suffix(".errors")
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [PROGRAM, "--port", str(self.port), "--data", str(self.data)],
                env={**bare_environment(), **OTHERS},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self.printed = ""
        assert self.process.stdout
        for line in self.process.stdout:
            self.printed += line
            if "Ctrl-C" in line:
                return self
        raise AssertionError(f"it ended: {self.errors.read_text()}")

    def ctrl_c(self) -> int:
        """What the terminal does: everybody in the foreground is interrupted at once."""
        everyone = process_tree(self.process.pid)
        os.killpg(self.process.pid, signal.SIGINT)
        status = self.process.wait(10)
        assert [pid for pid in everyone if not has_exited(pid)] == []
        return status

    def ask(self, method: str, path: str, form: str = "", **headers: str) -> tuple[int, str, str]:
        """Status, Location and body of one request, to the demo's own name unless another is given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        sent.setdefault("Host", f"localhost:{self.port}")
        if form:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        with contextlib.closing(connection):
            connection.request(method, path, form.encode(), sent)
            answer = connection.getresponse()
            return answer.status, answer.headers["Location"] or "", answer.read().decode()

    def tear_down(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        said = self.errors.read_text()
        assert ("Traceback" in said, "SIGKILL" in said) == (False, False), said


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("demo") / "data").start()
    yield running
    running.tear_down()


@pytest.fixture
def page(browser):
    with person(browser) as opened:
        yield opened


def form(**changes):
    return "&".join(f"{name}={value}" for name, value in {**FORM, **changes}.items())


def open_newest_letter(page, subject):
    """Looks into the mailbox until the letter is there, which is then the uppermost."""
    uppermost = page.get_by_role("table").get_by_role("link").first
    page.goto(urljoin(page.url, "/demo/mail"))
    eventually(
        lambda: (page.reload(), uppermost.inner_text() if uppermost.count() else "")[1],
        lambda text: subject in text,
        interval=0.2,
    )
    uppermost.click()


def follow(page, address):
    """The link in the letter's text that begins so, and not the one to the same page in another language."""
    links = page.get_by_role("main").get_by_role("link", name=address)
    links.filter(has_not_text="lang=en").first.click()


def is_painted(frame):
    """Whether a picture of it shows more than an empty sheet, which packs to next to nothing."""
    return eventually(
        lambda: len(frame.screenshot()), lambda size: size > 20_000, pause=while_page_works(frame.page)
    )


def found_by_axe(page):
    return [(each["id"], node["target"]) for each in axe_violations(page) for node in each["nodes"]]


def sign_in(demo, face, start="/staff"):
    """A browser without a window, signed in with one button, and the page that it is led to."""
    session = requests.Session()
    session.trust_env, session.headers["Accept-Language"] = False, "sv"
    chooser = session.get(demo.url + start, timeout=30)
    if "/demo/provider/authorize?" not in chooser.url:  # the page where one chooses between ways to sign in
        (there,) = re.findall(r'href="(/staff/sign-in[^"]*)"', chooser.text)
        chooser = session.get(demo.url + html.unescape(there), timeout=30)
    return session, session.post(chooser.url, {"face": face}, headers={"Origin": demo.url}, timeout=30)


def send(session, page, **form):
    """The form of that page, to its own address."""
    (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text))
    headers = {"Origin": "/".join(page.url.split("/")[:3])}
    return session.post(page.url, {**form, "csrfmiddlewaretoken": token}, headers=headers, timeout=30)


def test_it_prints_one_address_and_opens_with_the_application(demo):
    assert re.findall(r"\S+ is open at +(\S+)", demo.printed) == [f"{demo.url}/"]
    assert f"{demo.url}/demo/mail" in demo.printed
    assert f"{demo.url}/staff " in demo.printed
    status, _, body = demo.ask("GET", "/")
    assert (status, 'name="sender_email"' in body) == (200, True)


def test_no_setting_of_the_environment_leaks_in(demo):
    _, _, body = demo.ask("GET", "/")
    assert ("Landstinget Dalarna" in body, "Annan region" in body) == (True, False)
    assert "@ltdalarna.se" in body


def test_it_listens_on_loopback_only(demo):
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    bound = {line[1] for line in lines if line[3] == "0A" and int(line[1].split(":")[1], 16) == demo.port}
    assert bound == {f"0100007F:{demo.port:04X}"}


def test_letters_are_read_and_followed_in_the_browser(demo, page, tmp_path):
    file = write_file(tmp_path / "ritning.pdf", 100_000)
    page.goto(demo.url)
    page.get_by_role("main").get_by_role("link", name="Logga in").click()
    assert found_by_axe(page) == []
    page.get_by_role("button", name="Logga in som Anna Berg").click()
    page.get_by_label("Kom ihåg namn och adresser på den här enheten").check()
    page.get_by_label("Mottagarens e-postadress").fill(BO)
    page.get_by_role("textbox", name="Anledning").fill("Ritningar till den nya mottagningen")
    page.get_by_label("Filerna innehåller inte patientuppgifter").check()
    page.get_by_role("button", name="Skicka ansökan").click()
    choose(page, file)
    is_sent(page, "ritning.pdf")

    open_newest_letter(page, "En fil väntar på dig")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_be_visible()
    assert is_painted(page.locator("iframe"))

    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Ladda ner").first.click()
    assert sha256(download(opened.value, "ritning.pdf")) == sha256(file)

    follow(page, f"{demo.url}/download/")
    expect(page.get_by_role("link", name="Ladda ner ritning.pdf")).to_be_visible()
    page.goto(f"{demo.url}/demo/mail")
    subjects = page.get_by_role("table").get_by_role("link").all_inner_texts()
    assert [subject.split(" (")[0] for subject in subjects][-1] == "Du kan ladda upp filer nu"


def test_a_newcomer_tries_what_it_is_like_without_a_sign_in(demo, page):
    apply(page, demo.url)
    expect(page.get_by_role("heading", name="Titta i din e-post")).to_be_visible()
    open_newest_letter(page, "Du kan ladda upp filer nu")
    follow(page, f"{demo.url}/upload/")
    expect(page.get_by_role("heading", name="Filer till", level=1)).to_be_visible()


def test_one_who_sends_does_so_at_once(demo):
    anna, page = sign_in(demo, "anna", "/staff/apply")
    assert (page.url, "Anna Berg" in page.text) == (f"{demo.url}/staff/apply", True)
    sent = send(anna, page, recipient_email=BO, purpose="Ritning", days="3", language="sv", accept_terms="1")
    assert sent.url.startswith(f"{demo.url}/upload/")
    assert anna.get(f"{demo.url}/oversee/").url.startswith(f"{demo.url}/oversee/sign-in")


def test_one_who_approves_answers_what_waits_for_them(demo):
    demo.ask("POST", "/", form(sender_email=BO, recipient_email=KARIN))
    karin, page = sign_in(demo, "karin")
    (there,) = set(re.findall(r'href="(/staff/decide/[^"]+)"', page.text))
    answered = send(karin, karin.get(demo.url + there), decision="approve", days="3")
    assert "Ansökan är godkänd" in answered.text
    assert "/staff/decide/" not in karin.get(f"{demo.url}/staff").text


@pytest.mark.parametrize(
    ("face", "name", "may_close"), [("maria", "Maria Ek", True), ("olof", "Olof Dahl", False)]
)
def test_those_who_oversee_see_the_cases_and_only_one_may_end_them(demo, face, name, may_close):
    anna, page = sign_in(demo, "anna", "/staff/apply")
    send(anna, page, recipient_email=BO, purpose=f"Sett av {name}", days="3", language="sv", accept_terms="1")
    session, page = sign_in(demo, face, "/oversee")
    assert (urlsplit(page.url).path.rstrip("/"), name in page.text) == ("/oversee", True)
    case = demo.url + re.findall(r'href="(/oversee/transfers/[0-9A-Z-]+)', page.text)[0]
    shown = session.get(case)
    assert f"Sett av {name}" in shown.text
    shown.url = f"{case}/close"
    closed = send(session, shown, reason="Skickad av misstag")
    assert closed.status_code == (200 if may_close else 403)
    assert ("Skickad av misstag" in session.get(case).text) is may_close


def test_to_sign_out_everywhere_ends_at_a_page(demo):
    anna, page = sign_in(demo, "anna")
    page.url = f"{demo.url}/staff/sign-out"
    (there,) = re.findall(r'href="([^"]+/demo/provider/end[^"]*)"', send(anna, page).text)
    assert "Du är utloggad överallt" in anna.get(html.unescape(there)).text
    assert "/demo/provider/authorize" in anna.get(f"{demo.url}/staff").url


def test_nobody_waits_for_a_thread_that_waits_for_them(demo):
    """Thirty at once: each of their requests waits for another request to the same process."""
    with ThreadPoolExecutor(30) as crowd:
        shown = list(crowd.map(lambda _: sign_in(demo, "anna")[1], range(30)))
    assert {page.status_code for page in shown} <= {200, 503}
    assert [page.status_code for page in shown].count(200) >= 20


@pytest.mark.parametrize("host", ["fts.example.se", "192.0.2.1:8000", "localhost.evil.example", ""])
def test_only_names_of_this_machine_are_answered(demo, host):
    for path in ("/", "/demo/mail", "/code"):
        status, _, body = demo.ask("GET", path, Host=host)
        assert (status in (400, 421), body) == (True, ""), status


def test_every_name_of_this_machine_leads_to_the_one_that_was_printed(demo):
    for host in (f"127.0.0.1:{demo.port}", f"[::1]:{demo.port}"):
        assert demo.ask("GET", "/code?lang=en", Host=host)[:2] == (302, f"{demo.url}/code?lang=en")


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "X_Real_IP"])
def test_behind_a_proxy_there_is_neither_mailbox_nor_sign_in(demo, header):
    for path in ("/demo/mail", "/demo/provider/keys"):
        assert demo.ask("GET", path, **{header: "127.0.0.1"})[0] == 404
        assert demo.ask("GET", path)[0] == 200


def test_ctrl_c_stops_everything_and_a_second_start_finds_it_all_again(tmp_path):
    demo = Demo(tmp_path / "data").start()
    try:
        status = demo.ask("POST", "/", form(sender_email=BO, recipient_email=ANNA))[1]
        assert status.startswith("/status/")
        anna, _ = sign_in(demo, "anna")
        first = demo.printed
        assert demo.ctrl_c() == 0
        demo.start()
        assert demo.printed == first
        assert demo.ask("GET", status)[0] == 200
        assert BO in anna.get(f"{demo.url}/staff").text.replace("<wbr>", "")  # they are signed in still
        assert "Karin Lund" in sign_in(demo, "karin")[1].text  # by a key that is new
        assert demo.ctrl_c() == 0
    finally:
        demo.tear_down()


def test_a_port_that_is_taken_is_said_in_one_line(demo):
    ran = subprocess.run(
        [PROGRAM, "--port", str(demo.port), "--data", str(demo.data.with_name("second"))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert str(demo.port) in ran.stderr
