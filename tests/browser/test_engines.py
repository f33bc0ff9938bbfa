"""What rests on a browser's habits, in three engines; one that is not on this machine is skipped."""

import contextlib
import json
import os
import time
from urllib.parse import urlsplit

import pyotp
import pytest

from tests.browser.steps import MiB, sha256, write_file
from tests.parts import administrators, engines
from tests.parts.eventually import eventually
from tests.parts.people import ANNA, BO, FORM, FROM_OUTSIDE, apply, path_of

pytestmark = pytest.mark.browser  # also where the browser is not the fixture of that name

PASSWORD = "en lång mening som ingen gissar"
PURPOSE = "Ritningar till den nya mottagningen"
LOADED = "return !window.wasHere && document.readyState === 'complete'"
DONE = "Klart! Filen är på väg."
SENT = "Klar. Mejlet till mottagaren skickades"
CHANGED = {
    "chromium": "Fel: filen har ändrats sedan du valde den.",
    "firefox": "Fel: filen har ändrats sedan du valde den.",
    "webkit": "Fel: filen går inte att läsa.",  # it does not tell a changed file from one that is gone
}


OTHERS = [pytest.param(name, marks=pytest.mark.full) for name in ("firefox", "webkit")]
"""Each of their tests starts a browser anew, so that the short run has one story of each."""


@pytest.fixture(params=["chromium", *OTHERS])
def engine(request, tmp_path_factory):
    yield from started_engine(request, tmp_path_factory)


@pytest.fixture(params=["chromium", "firefox", "webkit"])
def any_engine(request, tmp_path_factory):
    """In the short run, too."""
    yield from started_engine(request, tmp_path_factory)


def started_engine(request, tmp_path_factory):
    try:
        if request.param == "chromium":
            with engines.chromium(request.getfixturevalue("browser")) as started:
                yield started
            return
        start = {"firefox": engines.firefox, "webkit": engines.webkit}[request.param]
        with start(tmp_path_factory.mktemp(request.param)) as started:
            yield started
    except engines.EngineMissing as missing:
        pytest.skip(str(missing))


def follow(engine, script):
    """Runs a script that leads to another page, which is there afterwards."""
    engine.run(f"window.wasHere = true; {script}")
    engine.eventually(LOADED)


def submit(engine, button="#form [type=submit]:not([name=use], [hidden])"):
    engine.run("window.wasHere = true")
    engine.press(button)
    engine.eventually(LOADED)


def host_of(service):
    """Also where a proxy stands before it."""
    return {"Host": urlsplit(service.env["FILSLUSS_BASE_URL"]).netloc}


def files_of(service, account):
    return json.loads(service.get(f"{account}/files", **host_of(service)).text)["files"]


def await_stored(service, account, least):
    eventually(
        lambda: files_of(service, account),
        lambda files: sum(file["offset"] for file in files) >= least,
        seconds=90,
    )


def open_upload(engine, service):
    """An account's upload page, with its script at work; the path of the account."""
    account = service.post("/", FORM, **host_of(service)).location
    engine.open(f"{service.env['FILSLUSS_BASE_URL']}{account}?lang=sv")
    engine.eventually("return !document.getElementById('drop').hidden")
    return account


FORMS = {
    "application": ({"sender_name": "Anna Berg", "sender_email": "anna@", "purpose": PURPOSE}, "purpose"),
    "decision": ({"rejection_reason": "Gäller 811218-9876."}, "rejection_reason"),
    "report": ({"abuse": "Gäller 811218-9876."}, "abuse"),
    "code": ({"code": "K7PM-4QXD"}, "code"),
}


def page_of(form, service, mail_server):
    if form in ("application", "code"):
        return "/code" if form == "code" else "/"
    apply(service, FROM_OUTSIDE)
    letter = mail_server.one("approval-requested")
    if form == "report":
        return f"{path_of(mail_server.one('received').links('status')[0])}/report"
    return path_of(letter.links("decide")[0])


@pytest.mark.parametrize("form", FORMS)
def test_back_and_forward_lead_to_a_refused_form_with_what_was_typed(engine, form, service, mail_server):
    """And not to a question whether it is to be sent again, or to an error page of the browser."""
    values, field = FORMS[form]
    engine.open(f"{service.url}{page_of(form, service, mail_server)}?lang=sv")
    if form == "decision":
        engine.press("details.reject > summary")
    engine.fill(values)
    submit(engine)
    shown = "return document.getElementById('summary') && document.getElementById(arguments[0]).value"
    assert engine.eventually(shown, field) == values[field]
    follow(engine, "location.href = '/help?lang=sv'")
    engine.back()
    assert engine.eventually(shown, field) == values[field]
    engine.back()
    engine.eventually("return document.getElementById('form') && !document.getElementById('summary')")
    engine.forward()
    assert engine.eventually(shown, field) == values[field]


def test_a_domain_with_other_letters_is_taken_from_an_address_field(engine, service, mail_server):
    """Browsers differ in what they make of it."""
    engine.open(f"{service.url}/?lang=sv")
    engine.fill(
        {
            "sender_name": "Anna Berg",
            "sender_email": ANNA,
            "recipient_email": "bo@göteborg.example",
            "purpose": PURPOSE,
            "accept_terms": "",
        }
    )
    submit(engine)
    assert engine.run("return location.pathname").startswith("/upload/")
    assert "xn--gteborg-90a.example" in engine.text()


def test_a_file_is_uploaded_whole_and_said_to_be(any_engine, service, mail_server, tmp_path):
    engine = any_engine
    file = write_file(tmp_path / "ritning åäö.bin", 9 * MiB)
    account = open_upload(engine, service)
    engine.choose("#file", file)
    engine.sees(SENT)
    engine.sees(DONE)
    (stored,) = files_of(service, account)
    assert (stored["name"], stored["sha256"]) == (file.name, sha256(file))
    assert mail_server.one("file-ready").to == [BO]


@pytest.mark.parametrize("start", [0, 3 * MiB, 6 * MiB], ids=["its beginning", "its middle", "its end"])
def test_a_file_that_changes_on_the_way_is_never_called_done(
    engine, slow_proxy, mail_server, tmp_path, start
):
    """Or is left unfinished; engines differ in what they notice."""
    service, file = slow_proxy.service, write_file(tmp_path / "a.bin", 7 * MiB)
    os.utime(file, (time.time() - 60, time.time() - 60))
    account = open_upload(engine, service)
    slow_proxy.rate = MiB
    engine.choose("#file", file)
    await_stored(service, account, MiB)
    with file.open("r+b") as opened:
        opened.seek(start)
        opened.write(b"N" * MiB)
    slow_proxy.rate = 1000 * MiB
    if engine.name == "firefox" and start == 6 * MiB:
        # It reads the end when that is sent, and does not notice: what has arrived is the file as it is now.
        engine.sees(SENT)
        assert [file["sha256"] for file in files_of(service, account)] == [sha256(file)]
        return
    engine.sees(CHANGED[engine.name])
    assert DONE not in engine.text()
    assert mail_server.of("file-ready") == []


def test_an_upload_goes_on_after_the_page_was_loaded_again(engine, slow_proxy, tmp_path):
    service, file = slow_proxy.service, write_file(tmp_path / "a.bin", 7 * MiB)
    os.utime(file, (time.time() - 60, time.time() - 60))
    account = open_upload(engine, service)
    slow_proxy.rate = MiB
    engine.choose("#file", file)
    await_stored(service, account, 2 * MiB)
    engine.open(f"{slow_proxy.url}/help")
    slow_proxy.rate = 1000 * MiB
    engine.open(f"{slow_proxy.url}{account}?lang=sv")
    engine.eventually("return !document.getElementById('drop').hidden")
    engine.choose("#file", file)
    engine.sees(SENT)
    (stored,) = files_of(service, account)
    assert stored["sha256"] == sha256(file)


def test_a_file_that_is_dropped_on_the_page_is_uploaded(engine, service):
    account = open_upload(engine, service)
    engine.run(
        """
        const carried = new DataTransfer();
        carried.items.add(new File(["hej"], "a.txt"));
        const event = new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
        document.getElementById("drop").dispatchEvent(event);
        """
    )
    engine.sees(SENT)
    assert [file["name"] for file in files_of(service, account)] == ["a.txt"]


def test_without_the_script_the_plain_form_uploads(engine, service, tmp_path):
    """And its origin is known, though no page sends a Referer."""
    account = open_upload(engine, service)
    follow(engine, "document.getElementById('use-simple').click(); window.wasHere = false")
    engine.choose("#file", write_file(tmp_path / "a.bin", 1000))
    submit(engine, "#plain-upload [type=submit]")
    engine.sees("a.bin")
    assert [file["name"] for file in files_of(service, account)] == ["a.bin"]


def sign_in(engine, service):
    """By the one-time link, as an administrator does it the first time."""
    engine.open(f"{service.url}{administrators.path_of_link(service, 'eva')}?lang=sv")
    engine.fill({"password": PASSWORD})
    submit(engine, "main .form [type=submit]")
    engine.eventually("return location.pathname === '/oversee/me/factors'")
    secret = engine.run("return document.querySelector('code[translate]').textContent").replace(" ", "")
    engine.fill({"code": pyotp.TOTP(secret).now()})
    submit(engine, "form:has(#code) [type=submit]")
    engine.sees("Inloggad som eva")


def refused_closing(engine, service):
    """The page of a case whose closing was refused, as its reason has a personal number."""
    public_id = files_page(service)
    follow(engine, f"location.href = '/oversee/transfers/{public_id}/close?lang=sv'")
    engine.type("#reason-close", "Gäller 811218-9876.")
    follow(engine, "document.getElementById('reason-close').form.requestSubmit()")
    engine.eventually("return document.getElementById('summary')")


def files_page(service):
    """The public id of an open account."""
    apply(service, FORM)
    return service.run("list").stdout.split()[0]


def test_back_leads_to_what_an_administrator_typed_while_they_are_signed_in(engine, service):
    sign_in(engine, service)
    refused_closing(engine, service)
    follow(engine, "location.href = '/oversee?lang=sv'")
    engine.back()
    engine.eventually("return !document.documentElement.hidden && document.getElementById('summary')")
    assert engine.value("#reason-close") == "Gäller 811218-9876."


@pytest.mark.parametrize("page", ["list", "refused form"])
def test_back_after_the_sign_out_shows_no_page_of_an_administrator(engine, service, page):
    sign_in(engine, service)
    if page == "refused form":
        refused_closing(engine, service)
    else:
        follow(engine, "location.href = '/oversee?lang=sv'")
    submit(engine, ".signed-in [type=submit]")
    engine.eventually("return location.pathname === '/oversee/sign-in'")
    with contextlib.suppress(engines.CommandFailed):  # it has forgotten the page
        engine.back()
    time.sleep(1)
    shown = "return document.documentElement.hidden || !document.body.innerText.includes('Inloggad som')"
    assert engine.eventually(shown)
    if page == "list":
        engine.eventually("return document.getElementById('password')")
