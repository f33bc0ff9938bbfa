"""What a letter carries when it arrives: these headers and links, and no others, whatever was typed."""

import pytest

from filsluss.letters import delivery
from filsluss.letters.sanitize import one_line
from filsluss.rules.directions import Direction, Role
from tests.letters.cases import EACH, NAMES, Case, example_policy
from tests.letters.test_outbox import headers_of, round_at, row

pytestmark = pytest.mark.django_db

HEADERS = {
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "References",
    "Content-Language",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Filsluss-Letter",
    "X-Filsluss-Transfer",
    "MIME-Version",
    "Content-Type",
}


def about_a_case(letter):
    """A list of requests or links belongs to no thread, and names a case only where it is the only one."""
    if letter.kind not in ("approvals-requested", "lost-link"):
        return {
            "References": "<transfer-K7PM-4QXD@ltdalarna.se>",
            "X-Filsluss-Transfer": "K7PM-4QXD",
        }
    return {"X-Filsluss-Transfer": "K7PM-4442"} if letter.cases.count() == 1 else {}


@pytest.mark.parametrize(("case", "language"), EACH, ids=NAMES)
def test_a_letter_has_these_headers_and_no_others(now, mail_server, case, language):
    letter = case.write(language, now)
    subject, reply_to = letter.subject, letter.reply_to
    round_at(now)
    (received,) = mail_server.letters
    message = received.message
    about = about_a_case(letter)
    missing = {"References", "X-Filsluss-Transfer"} - about.keys() | (set() if reply_to else {"Reply-To"})
    assert set(message.keys()) == HEADERS - missing
    assert len(message.keys()) == len(set(message.keys()))
    head = {
        name: str(value).strip()
        for name, value in message.items()
        if name not in ("MIME-Version", "Content-Type")
    }
    wanted = {
        "From": "Landstinget Dalarna <filsluss@ltdalarna.se>",
        "To": letter.to,
        "Subject": subject,
        "Date": "Tue, 24 Nov 2026 10:00:00 +0100",
        "Message-ID": row(letter).message_id,
        "Content-Language": language,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Filsluss-Letter": case.kind,
        **about,
    }
    assert head == {**wanted, **({"Reply-To": reply_to} if reply_to else {})}
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_every_line_of_the_message_is_short_and_seven_bit(now, mail_server):
    case = Case("rejected", Role.SENDER, transfer={"rejection_reason": "å" * 500})
    letter = case.write("sv", now)
    raw = delivery.build_message(letter, policy=example_policy()).message().as_bytes()
    assert max(len(line) for line in raw.splitlines()) <= 78
    assert raw.decode("ascii")


STRANGE = {
    "lf": "a\nBcc: eve@evil.com",
    "cr": "a\rBcc: eve@evil.com",
    "crlf": "a\r\nBcc: eve@evil.com\r\n\r\nhej",
    "vt": "a\x0bBcc: eve@evil.com",
    "ff": "a\x0cBcc: eve@evil.com",
    "fs": "a\x1cBcc: eve@evil.com",
    "nel": "a\x85Bcc: eve@evil.com",
    "ls": "a\u2028Bcc: eve@evil.com",
    "ps": "a\u2029Bcc: eve@evil.com",
    "esc": "a\x1b[31mröd",
    "rlo": "a\u202egnp.exe",
    "encoded word": "=?utf-8?q?=0ABcc=3A_eve@evil.com?=",
    "long line": "x" * 250,
    "dot": "a\r\n.\r\nMAIL FROM:<eve@evil.com>",
    "bare dot": "a\n.\nb",
    "from": "From eve@evil.com",
    "html": "<a href='https://evil.com'>klicka</a></style><img src=x>",
    "url": "https://evil.com/x?y=1 www.evil.com evil.com/x",
    "emoji": "👩‍⚕️ 🎉",
    "arabic": "صورة الأشعة السينية",
    "site": "www.evil.com",
    "host": "evil.com",
    "template": "{{ link }}{% include 'x' %}%(a)s${x}{0}",
}
FIELDS = ("sender_name", "purpose", "rejection_reason", "closed_reason")
HARMLESS = {}
"""By kind, a letter in which nobody has typed anything strange; it is the same for all of these."""


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE.keys())
def test_nothing_that_a_stranger_types_reaches_a_header_or_becomes_a_link(now, mail_server, text):
    """As if the forms had accepted everything: letters are made of nothing but what the rows hold."""
    own, file = (
        dict.fromkeys(FIELDS, text[:100]),
        {"name": text, "removal_reason": text, "removed_by": "sender"},
    )
    plain = {**dict.fromkeys(FIELDS, "x"), "closed_reason": "x"}
    kinds = [
        ("approval-requested", Role.APPROVER),
        ("approval-reminder", Role.APPROVER),
        ("rejected", Role.SENDER),
        ("file-ready", Role.RECIPIENT),
        ("file-removed", Role.RECIPIENT),
        ("erased", Role.RECIPIENT),
        ("expiry-reminder", Role.RECIPIENT),
        ("lapsed", Role.APPROVER),
        ("files-downloaded", Role.SENDER),
        ("files-ready", Role.RECIPIENT),
    ]

    def sent(kind, role, given, about):
        case = Case(kind, role, direction=Direction.THROUGH, transfer=given, file=about, files=(about,))
        letter = case.write("sv", now)
        assert round_at(now) == 1
        letter.cases.get().transfer.delete()
        letter.delete()
        return mail_server.letters.pop()

    for kind, role in kinds:
        strange = sent(kind, role, own, file)
        if kind not in HARMLESS:
            HARMLESS[kind] = sent(kind, role, plain, {"name": "x", "removed_by": "sender"})
        harmless = HARMLESS[kind]
        assert headers_of(strange) == headers_of(harmless)
        links = strange.links()
        assert [link for link in links if not link.startswith("https://fts.example.se/")] == []
        assert (len(links), "evil.com" in strange.html) == (len(harmless.links()), False)
        assert strange.html.count("<a ") == harmless.html.count("<a ")
        assert strange.to == harmless.to


@pytest.mark.parametrize("text", [STRANGE["arabic"], STRANGE["emoji"], "Åke Öberg-O'Hara"])
def test_what_people_may_well_be_called_arrives_as_they_wrote_it(now, mail_server, text):
    Case("approval-requested", Role.APPROVER, transfer={"sender_name": text, "purpose": text}).write(
        "sv", now
    )
    round_at(now)
    assert f"\n> {one_line(text)}\n" in mail_server.one().text.replace("\r\n", "\n")
