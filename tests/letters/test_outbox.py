"""The postman at a real mail server: he tries again, or gives up and says so, and never goes twice."""

from datetime import timedelta

import pytest

from filsluss.letters import delivery, outbox
from filsluss.letters.claims import Claimant
from filsluss.letters.outbox import deliver_next
from filsluss.letters.sanitize import one_line
from filsluss.models import Letter
from filsluss.rules.directions import Direction, Role
from tests.letters.cases import ANNA, BO, CODE, EACH, KARIN, NAMES, Case, house_policy

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
REQUEST = Case("approval-requested", Role.APPROVER, way=Direction.THROUGH)
READY = Case("file-ready", Role.RECIPIENT, file={"with_code": True}, code=CODE)


def round_at(now):
    """All that is due at this moment, as a worker does it; how many letters that were."""
    me = Claimant()
    return sum(iter(lambda: deliver_next(me, policy=house_policy(), now=now), False))


def row(letter):
    letter.refresh_from_db()
    return letter


def keeps_nothing(letter):
    row(letter)
    return (letter.subject, letter.text, letter.html) == ("", "", "")


def test_a_letter_that_is_taken_is_sent_once_and_its_row_keeps_no_word_of_it(now, post):
    letter = READY.write("sv", now)
    assert (round_at(now), round_at(now + 99 * HOUR)) == (1, 0)
    assert (post.one("file-ready").to, post.one("file-ready").sender) == ([ANNA], "filsluss@ltdalarna.se")
    assert (row(letter).delivery, letter.sent_at, keeps_nothing(letter)) == ("sent", now, True)


def test_while_the_server_is_down_the_pauses_grow_and_after_five_days_he_gives_up(now, post):
    letter, at, pauses = REQUEST.write("sv", now), now, []
    post.shut()
    while row(letter).delivery == "queued":
        at = letter.next_try_at
        round_at(at)
        pauses.append(row(letter).next_try_at - at)
    told = Letter.objects.get(kind="undelivered")
    hours = (timedelta(days=5) - 81 * MINUTE) // (3 * HOUR)
    last = timedelta(days=5) - 81 * MINUTE - hours * 3 * HOUR
    growing = [MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, *[3 * HOUR] * hours, last, timedelta(0)]
    assert (pauses, at) == (growing, now + timedelta(days=5))
    assert (row(letter).delivery, letter.given_up_at, keeps_nothing(letter)) == ("given_up", at, True)
    assert (told.to, "i fem dagar" in told.text, KARIN in told.text) == (BO, True, True)


LATER = {
    "greylisted": {"RCPT": ["450 4.2.0 come back"]},
    "busy": {"MAIL": ["421 4.3.2 too busy"]},
    "who are you": {"MAIL": ["550 5.7.1 not from you"]},
    "sign in": {"MAIL": ["530 5.7.0 sign in first"]},
    "not the data": {"DATA": ["451 4.3.0 not now"]},
    "not the letter": {".": ["452 4.3.1 no room"]},
    "cut at mail": {"MAIL": ["drop"]},
    "cut at the address": {"RCPT": ["drop"]},
    "cut in the letter": {"DATA": ["drop"]},
    "cut at the dot": {".": ["drop"]},
}


@pytest.mark.parametrize("plan", LATER.values(), ids=LATER.keys())
def test_whatever_may_pass_is_tried_again_with_the_same_message_id(now, post, plan):
    letter, post.plan = REQUEST.write("sv", now), {word: [*said, *said] for word, said in plan.items()}
    for at in (now, now + MINUTE, now + 6 * MINUTE):
        assert (len(post.letters), round_at(at)) == (0, 1)
    assert post.one("approval-requested").message["Message-ID"] == row(letter).message_id
    assert (letter.delivery, letter.tries, letter.sent_at) == ("sent", 3, now + 6 * MINUTE)
    assert round_at(now + timedelta(days=6)) == 0


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA", "."])
def test_a_server_that_says_nothing_is_left_and_tried_again(now, post, monkeypatch, word):
    monkeypatch.setattr(delivery, "REPLY_TIMEOUT", 0.5)
    letter, post.plan = REQUEST.write("sv", now), {word: ["stall"]}
    assert (round_at(now), round_at(now + MINUTE)) == (1, 1)
    assert (len(post.of("approval-requested")), row(letter).tries) == (1, 2)


def test_a_server_that_takes_its_time_after_the_dot_gets_the_letter_once(now, post, settings):
    """It may be looking for viruses; whoever hangs up now sends every letter twice."""
    settings.EMAIL_TIMEOUT = 1
    REQUEST.write("sv", now)
    post.slow = 2.5
    assert (round_at(now), round_at(now + HOUR)) == (1, 0)
    assert len(post.letters) == 1


def test_an_answer_that_is_lost_brings_a_second_copy_that_readers_know_for_the_same(now, post):
    REQUEST.write("sv", now)
    post.plan = {".": ["lose"]}
    assert (round_at(now), round_at(now + MINUTE), round_at(now + HOUR)) == (1, 1, 0)
    first, second = post.letters
    assert heads(first) == heads(second)
    assert (first.message["Message-ID"], first.text) == (second.message["Message-ID"], second.text)


@pytest.mark.parametrize("word", ["RCPT", "DATA", "."])
def test_a_final_no_is_final_and_the_sender_hears_of_it_once(now, post, word):
    letter, post.plan = REQUEST.write("sv", now), {word: ["550 5.1.1 no such user, see https://evil.com"]}
    assert round_at(now) == 2
    told = post.one()
    assert (told.kind, told.to) == ("undelivered", [BO])
    assert (KARIN in told.text, "550 5.1.1 no such user, see https[:]//evil[.]com" in told.text) == (
        True,
        True,
    )
    assert (row(letter).delivery, letter.tries, keeps_nothing(letter)) == ("given_up", 1, True)
    assert round_at(now + timedelta(days=6)) == 0


def test_a_reminder_to_an_address_that_was_refused_before_is_not_told_of_again(now, post):
    transfer = REQUEST.write("sv", now).transfer
    post.refuse[KARIN] = "550 5.1.1 no such user"
    round_at(now)
    outbox.compose.write(
        "approval-reminder", transfer=transfer, role=Role.APPROVER, policy=house_policy(), now=now
    )
    assert round_at(now) == 1
    assert len(post.of("undelivered")) == 1


def test_a_sender_whose_own_mailbox_refuses_is_told_nothing_by_mail(now, post):
    letter = Case("approved", Role.SENDER).write("sv", now)
    post.refuse[BO] = "550 5.1.1 no such user"
    assert (round_at(now), post.letters, row(letter).delivery) == (1, [], "given_up")


def test_a_letter_that_is_withdrawn_keeps_nothing_and_never_leaves(now, post):
    letter = REQUEST.write("sv", now)
    kinds = ("approval-requested",)
    assert outbox.withdraw_unsent(transfer=letter.transfer, kinds=kinds, now=now) == 1
    assert (round_at(now + HOUR), post.letters) == (0, [])
    assert (row(letter).delivery, keeps_nothing(letter)) == ("withdrawn", True)


def test_one_letter_that_cannot_be_written_out_keeps_no_other_waiting(now, post):
    poison = Case("file-ready", Role.RECIPIENT, file={}).write("sv", now)
    Letter.objects.filter(pk=poison.pk).update(to="bo@rontgen.example\r\nBcc: eva@konsult.example")
    transfer = poison.transfer
    for role in Role:
        outbox.compose.write("erased", transfer=transfer, role=role, policy=house_policy(), now=now)
    assert round_at(now) == 5
    assert row(poison).delivery == "given_up"
    assert sorted(letter.kind for letter in post.letters) == ["erased", "erased", "erased", "undelivered"]


HEADERS = {
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "References", "Content-Language",
    "Auto-Submitted", "X-Auto-Response-Suppress", "X-Filsluss-Letter", "X-Filsluss-Transfer",
    "MIME-Version", "Content-Type",
}  # fmt: skip


@pytest.mark.parametrize(("case", "language"), EACH, ids=NAMES)
def test_a_letter_has_these_headers_and_no_others(now, post, case, language):
    letter = case.write(language, now)
    subject, reply_to = letter.subject, letter.reply_to
    round_at(now)
    (arrived,) = post.letters
    message = arrived.message
    assert set(message.keys()) == (HEADERS if reply_to else HEADERS - {"Reply-To"})
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
        "References": "<transfer-K7PM-4QXD@ltdalarna.se>",
        "Content-Language": language,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Filsluss-Letter": case.kind,
        "X-Filsluss-Transfer": "K7PM-4QXD",
    }
    assert head == {**wanted, **({"Reply-To": reply_to} if reply_to else {})}
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip


def test_every_line_on_the_wire_is_short_and_seven_bit(now, post):
    case = Case("rejected", Role.SENDER, transfer={"rejection_reason": "å" * 500})
    letter = case.write("sv", now)
    raw = delivery.build_message(letter, policy=house_policy()).message().as_bytes()
    assert max(len(line) for line in raw.splitlines()) <= 78
    assert raw.decode("ascii")


STRANGE = {
    "lf": "a\nBcc: eve@evil.com", "cr": "a\rBcc: eve@evil.com", "crlf": "a\r\nBcc: eve@evil.com\r\n\r\nhej",
    "vt": "a\x0bBcc: eve@evil.com", "ff": "a\x0cBcc: eve@evil.com", "fs": "a\x1cBcc: eve@evil.com",
    "nel": "a\x85Bcc: eve@evil.com", "ls": "a\u2028Bcc: eve@evil.com", "ps": "a\u2029Bcc: eve@evil.com",
    "esc": "a\x1b[31mröd", "rlo": "a\u202egnp.exe", "encoded word": "=?utf-8?q?=0ABcc=3A_eve@evil.com?=",
    "long line": "x" * 250, "dot": "a\r\n.\r\nMAIL FROM:<eve@evil.com>", "bare dot": "a\n.\nb",
    "from": "From eve@evil.com", "html": "<a href='https://evil.com'>klicka</a></style><img src=x>",
    "url": "https://evil.com/x?y=1 www.evil.com evil.com/x", "emoji": "👩‍⚕️ 🎉",
    "arabic": "صورة الأشعة السينية", "site": "www.evil.com", "host": "evil.com",
    "template": "{{ link }}{% include 'x' %}%(a)s${x}{0}",
}  # fmt: skip
FIELDS = ("sender_name", "purpose", "rejection_reason", "closed_reason")


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE.keys())
def test_nothing_that_a_stranger_types_reaches_a_header_or_becomes_a_link(now, post, text):
    """As if the doors had let everything in: what stands in the rows is all that letters are made of."""
    own, file = (
        dict.fromkeys(FIELDS, text[:100]),
        {"name": text, "removal_reason": text, "removed_by": "sender"},
    )
    plain = {**dict.fromkeys(FIELDS, "x"), "closed_reason": "x"}
    kinds = [
        ("approval-requested", Role.APPROVER), ("approval-reminder", Role.APPROVER),
        ("rejected", Role.SENDER), ("file-ready", Role.RECIPIENT), ("file-removed", Role.RECIPIENT),
        ("erased", Role.RECIPIENT),
        ("expiry-reminder", Role.RECIPIENT), ("lapsed", Role.APPROVER), ("file-downloaded", Role.SENDER),
    ]  # fmt: skip
    for kind, role in kinds:
        seen = []
        for given, about in ((own, file), (plain, {"name": "x", "removed_by": "sender"})):
            case = Case(kind, role, way=Direction.THROUGH, transfer=given, file=about, files=(about,))
            letter = case.write("sv", now)
            assert round_at(now) == 1
            letter.transfer.delete()
            seen.append(post.letters.pop())
        strange, harmless = seen
        assert heads(strange) == heads(harmless)
        links = strange.links()
        assert [link for link in links if not link.startswith("https://fts.example.se/")] == []
        assert (len(links), "evil.com" in strange.html) == (len(harmless.links()), False)
        assert strange.html.count("<a ") == harmless.html.count("<a ")
        assert strange.to == harmless.to


def heads(arrived):
    """Every header, but for what each letter has of its own."""
    own = ("Message-ID", "Content-Type")
    return [(name, str(value)) for name, value in arrived.message.items() if name not in own]


@pytest.mark.parametrize("text", [STRANGE["arabic"], STRANGE["emoji"], "Åke Öberg-O'Hara"])
def test_what_people_may_well_be_called_arrives_as_they_wrote_it(now, post, text):
    Case("approval-requested", Role.APPROVER, transfer={"sender_name": text, "purpose": text}).write(
        "sv", now
    )
    round_at(now)
    assert f"\n> {one_line(text)}\n" in post.one().text.replace("\r\n", "\n")
