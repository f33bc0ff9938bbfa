"""Injection: into letters, headers, pages, logs, file names, addresses and SQL."""

import re

import pytest
from django.utils.html import escape

from filsluss.rules.filenames import clean_name
from tests.parts import people
from tests.parts.people import path_of
from tests.parts.raw_http import RawConnection

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

HEADERS = {
    "auto-submitted",
    "content-language",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "references",
    "reply-to",
    "subject",
    "to",
    "x-auto-response-suppress",
    "x-filsluss-letter",
    "x-filsluss-transfer",
}
L5 = [
    "a\nBcc: x@evil.example",
    "a\r\nBcc: x@evil.example",
    "a\rBcc: x@evil.example",
    "a\x0bBcc: x",
    "a\x0cBcc: x",
    "a\x1cBcc: x",
    "a\x85Bcc: x",
    "a\u2028Bcc: x",
    "a\u2029Bcc: x",
    "a\x00b",
    "a\x1b[31mb",
    "a\u202eb",
    "=?utf-8?q?=0ABcc=3A_x?=",
    "x" * 400,
    "a\n.\nb",
    "a\r\n.\r\nMAIL FROM:<x@evil.example>",
    "a\nFrom b",
    "<b>a</b>",
    "https://evil.example/a",
    "😀 ä",
    "مرحبا بالعالم",
]
TEMPLATES = [
    "{{7*7}}",
    "{cfg:db_password}",
    "%(x)s",
    "{0.__class__}",
    "${HOME}",
    "$subject",
    "{% debug %}",
    "{{settings.SECRET_KEY}}",
    "{sender}",
    "%s%n",
]
TAGS = [
    "<img src=x onerror=alert(1)>.html",
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>.svg',
    "'-alert(1)-'",
    "javascript:alert(1)",
    "</title><script>alert(1)</script>",
    "{{constructor.alert(1)}}",
    "<a href=//evil.example>x</a>",
    "a&lt;b&amp;c",
    "--><script>alert(1)</script>",
]
EVIL = "evil.example"


def asked(target, number, **form):
    """An inbound application with these words, and the letter its approver gets."""
    approver, sender = f"anna.{number}@ltdalarna.se", f"bo.{number}@rontgen.example"
    people.apply(
        target.service, people.FROM_OUTSIDE, **{"recipient_email": approver, "sender_email": sender, **form}
    )
    return target.mail_server.one("approval-requested", to=approver)


@pytest.mark.postgresql_if_full
def test_c1_no_word_of_a_stranger_becomes_a_header(target):
    for number, words in enumerate(L5):
        name = words.replace("@", " at ")[:100]  # a name with an @ is refused
        letter = asked(target, f"c1.{number}", sender_name=name, purpose=words)
        assert {name.lower() for name in letter.message} - HEADERS == set(), words
        assert letter.to == [f"anna.c1.{number}@ltdalarna.se"]
        assert len(letter.message.get_all("To")) == 1
        assert letter.message.defects == []
        assert EVIL not in str(letter.message["Reply-To"])


@pytest.mark.postgresql_if_full
def test_c10_no_word_ends_the_letter_before_its_end(target):
    letter = asked(target, "c10", purpose="början\r\n.\r\nMAIL FROM:<x@evil.example>\r\n..\r\nslut")
    assert "slut" in letter.text
    assert target.mail_server.of(to="x@evil.example") == []
    assert len(target.mail_server.of("approval-requested", to="anna.c10@ltdalarna.se")) == 1


@pytest.mark.postgresql_if_full
def test_c3_c4_what_looks_like_a_template_or_a_tag_stands_in_letter_and_page_as_it_was_typed(target):
    for number, words in enumerate([*TEMPLATES, *TAGS]):
        letter = asked(target, f"c4.{number}", purpose=f"början {words} slut")
        page = target.service.get(path_of(letter.links("decide")[0]))
        assert "<script>alert" not in letter.html + page.text
        assert "onerror=alert(1)>" not in re.sub(r"&[^;]+;", "", letter.html)
        if words in TEMPLATES:
            assert words in letter.text.replace("[.]", ".").replace("[:]", ":")
            assert escape(words) in page.text


@pytest.mark.postgresql_if_full
def test_a10_a_web_address_in_a_strangers_words_cannot_be_clicked(target):
    letter = asked(target, "a10", purpose="Klicka https://evil.example/login eller www.evil.example nu")
    assert f"//{EVIL}" not in letter.text + letter.html
    links = re.findall(r'href="([^"]+)"', letter.html)
    assert (len(links) > 0, [link for link in links if not link.startswith(target.service.url)]) == (True, [])
    assert target.service.post("/", {**people.FROM_OUTSIDE, "purpose": "x" * 501}).status == 422


def test_c5_names_that_would_be_script_are_shown_as_names(target, page):
    upload = people.apply(target.service, people.FORM, recipient_email="bo.c5@rontgen.example").location
    for name in TAGS:
        assert people.send_tus(target.service, upload, b"x", filename=name).status == 204
    letters = target.mail_server.wait_for(
        "file-ready", to="bo.c5@rontgen.example", count=len(TAGS), seconds=60
    )
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for address in (upload, path_of(letters[0].links("download")[0])):
        page.goto(target.service.url + address)
        page.wait_for_load_state("networkidle")
        assert page.locator("img[src=x], main script, main svg[onload], a[href*='//evil']").count() == 0
    shown = "".join(page.locator("body").inner_text().split())
    assert [name for name in TAGS if "".join(clean_name(name).split()) not in shown] == []
    assert dialogs == []


@pytest.mark.postgresql_if_full
def test_c6_nobody_writes_a_line_of_our_log(target):
    nasty = "/x%0d%0a2026-01-01 00:00:00,000 ERROR filsluss forged%1b[31m"
    before = len(target.service.log_text())
    with RawConnection(target.service) as connection:
        connection.send_request("GET", nasty.replace(" ", "%20"), User_Agent="x\x1b[31m")
    target.service.get(nasty.replace(" ", "%20"), User_Agent="forged\t\x1b[31m")
    people.announce(target.service, target.populated.upload, 5, filename="a\nforged line")
    said = target.service.log_text()[before:]
    assert re.findall(r"^\S* ?.*\bforged\b", said, re.MULTILINE) == [] or "\x1b" not in said
    assert "\x1b" not in said


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    "lie",
    [
        {"X-Forwarded-Host": EVIL},
        {"Forwarded": f"host={EVIL};proto=https"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "444"},
        {"X-Original-URL": f"https://{EVIL}/"},
        {"X-Host": EVIL},
    ],
)
def test_c8_links_lead_to_this_service_whatever_a_request_says_of_its_host(target, lie):
    number = f"c8.{abs(hash(str(lie)))}"
    form = {**people.FORM, "recipient_email": f"bo.{number}@rontgen.example"}
    before = len(target.mail_server.of("approved"))
    answer = target.service.request("POST", "/", form, lie)
    assert answer.status in (303, 429)
    assert EVIL not in str(answer.headers) + answer.text
    if answer.status == 303:
        letter = target.mail_server.wait_for("approved", count=before + 1)[-1]
        assert {link.partition("/upload")[0] for link in letter.links("upload")} == {target.service.url}
        assert EVIL not in letter.message.as_string()


@pytest.mark.postgresql_if_full
def test_c8_a_request_for_another_host_is_refused(target):
    for host in (
        EVIL,
        f"127.0.0.1:{target.service.port}.{EVIL}",
        f"{EVIL}:{target.service.port}",
        "localhost",
    ):
        assert target.service.request("POST", "/", people.FORM, {"Host": host}).status == 421
        assert target.service.request("GET", "/", headers={"Host": host}).status == 421


def test_a9_fields_that_the_form_does_not_have_change_nothing(target):
    extra = {
        "state": "open",
        "days": "9999",
        "direction": "outbound",
        "open_until": "2099-01-01",
        "public_id": "X",
    }
    letter = asked(target, "a9", **extra)
    decide = path_of(letter.links("decide")[0])
    assert target.service.get(decide).status == 200
    more = {
        "decision": "approve",
        "days": "7",
        "recipient_email": "x@evil.example",
        "open_until": "2099-01-01",
    }
    assert target.service.post(decide, more).status == 303
    (approved,) = target.mail_server.wait_for("approved", to="bo.a9@rontgen.example")
    assert "x@evil.example" not in approved.message.as_string()


SQL = [
    "'",
    "' OR 1=1 --",
    "1; DROP TABLE filsluss_transfer",
    "\\'); --",
    "%' AND 1=0 UNION SELECT 1 --",
    "\x00'",
]


@pytest.mark.parametrize("words", SQL)
def test_c12_no_word_reaches_the_database_as_more_than_a_word(target, words):
    service = target.service
    from urllib.parse import quote

    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in target.populated.cookies.items())}
    tried = [
        service.post("/code", {"code": words}).status,
        service.post("/", {**people.FORM, "sender_email": words}).status,
        service.get(f"/download/{quote(words, safe='')}").status,
        service.get(f"/?lang={quote(words)}").status,
        service.request(
            "GET", f"/oversee?q={quote(words)}&state={quote(words)}&page={quote(words)}", headers=cookie
        ).status,
        service.post(f"{target.populated.upload}/remove", {"file": words}).status,
    ]
    assert [status for status in tried if status >= 500] == []
    assert tried[4] == 200
