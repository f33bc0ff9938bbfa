"""Headers as RFC 2047 and RFC 5322 want them, whatever the organisation is called."""

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest

from filsluss.actions import alarms
from filsluss.letters import notices
from filsluss.letters.feedback import write_abuse_report, write_accessibility_feedback
from filsluss.letters.headers import encoded_words, sender_header, text_header
from filsluss.letters.message import build_message
from filsluss.models import Alarm, Letter
from filsluss.rules.directions import Role
from tests.letters.cases import BO, EACH, NAMES, Case, example_policy, make_file, make_transfer

ORGANISATIONS = [
    "Landstinget Dalarna",
    "Region Å",
    "Västra Götalandsregionen, Regionservice – förvaltningen för fastigheter, stöd och service",
    "Å" * 120,
    "Sahlgrenska Universitetssjukhuset/Östra, område 2 (klinisk fysiologi) & Co",
    'Kommunen "Åmål"; <root@evil.example>, x',
    "x" * 200,
    "Region Stockholm " * 9,
    "=?utf-8?q?evil?=",
    "👩‍⚕️ Vård 密 صورة",
    "Acme, Inc. <evil@evil.example>",
]
TEXTS = ["å", "åäö " * 40, "€" * 99, "👩‍⚕️" * 30, "a_b=c?d å", " å ", "ö" + "x" * 300]
LONG_ADDRESS = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 50}.example"


def head_of(letter, **own):
    raw = build_message(letter, policy=example_policy(**own)).message().as_bytes(linesep="\r\n")
    return raw.partition(b"\r\n\r\n")[0].decode("ascii"), message_from_bytes(raw, policy=policy.default)


def sender_of(head):
    """Name and address, by the older parser: the newer one of Python 3.11 keeps blanks between words."""
    (line,) = re.findall(r"^From: ([^\r\n]*)", head.replace("\r\n ", " "), re.MULTILINE)
    name, address = parseaddr(line)
    return str(make_header(decode_header(name))), address


def check(head):
    words = re.findall(r"=\?utf-8\?q\?[^?]*\?=", head)
    assert [word for word in words if len(word) > 75] == []
    lines = head.split("\r\n")
    assert [line for line in lines if "=?" in line and len(line) > 76] == []
    assert [line for line in lines if not line.strip() or re.fullmatch(r"[!-9;-~]+:\s*", line)] == []
    assert [line for line in lines if len(line) > 998] == []


@pytest.mark.django_db
@pytest.mark.parametrize("organisation", ORGANISATIONS)
@pytest.mark.parametrize("reader", [BO, LONG_ADDRESS])
def test_every_line_of_the_head_is_as_it_must_be_and_says_what_it_says(now, organisation, reader):
    letter = Case("file-removed", Role.SENDER, file={"removed_by": "administrator"}).write("sv", now)
    letter.to = letter.reply_to = reader
    letter.subject = f"{letter.subject} – {organisation}"[:150]
    head, message = head_of(letter, organisation=organisation)
    check(head)
    assert str(message["Subject"]) == letter.subject
    assert sender_of(head) == (organisation.strip(), "filsluss@ltdalarna.se")
    assert message["To"].addresses[0].addr_spec == reader


@pytest.mark.parametrize(
    "text", ["å", "åäö " * 40, "€" * 99, "👩‍⚕️" * 30, "a_b=c?d å", " å ", "ö" + "x" * 300]
)
@pytest.mark.parametrize("name", ["Subject", "From", "X" * 50])
def test_encoded_words_hold_whole_characters_and_decode_to_the_text(text, name):
    words = list(encoded_words(text, name))
    assert [word for word in words if len(word) > 75] == []
    assert len(f"{name}: {words[0]}") <= 76
    assert [part for word in words for part, _ in decode_header(word) if not part.decode()] == []
    assert str(make_header(decode_header(" ".join(words)))) == text


def test_a_short_name_in_ascii_stands_as_it_is():
    assert str(sender_header("From", "Region X", "a@b.se")) == "Region X <a@b.se>"
    assert str(sender_header("From", "X, Inc.", "a@b.se")) == '"X, Inc." <a@b.se>'
    assert str(text_header("Subject", "Files are waiting (K7PM-4QXD)")) == "Files are waiting (K7PM-4QXD)"


@pytest.mark.django_db
@pytest.mark.parametrize("organisation", ["Å", ORGANISATIONS[2]])
@pytest.mark.parametrize(("case", "language"), EACH, ids=NAMES)
def test_a_subject_fits_in_60_characters(now, case, language, organisation):
    own = {**vars(case), "policy": {**case.policy, "organisation": organisation}}
    assert len(type(case)(**own).write(language, now).subject) <= 60


@pytest.mark.django_db
@pytest.mark.parametrize("organisation", ["Å", "Landstinget Dalarna", ORGANISATIONS[2]])
@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_subject_of_a_notice_does_too(now, language, organisation):
    own = example_policy(organisation=organisation, language=language, admin_emails=("drift@ltdalarna.se",))
    file = make_file(make_transfer(now), now, 9, virus="Eicar", ready_at=None)
    notices.write_infected(file, policy=own, now=now)
    write_abuse_report(file.transfer, "x", by=file.transfer.sender, policy=own, now=now)
    write_accessibility_feedback("x", reply_to="", policy=own, now=now)
    for name in alarms.CHECKS:
        notices.write_alarm(Alarm(name=name, since=now, value="1", limit=""), policy=own, now=now)
    subjects = [*Letter.objects.values_list("subject", flat=True)]
    subjects.append(notices.trial_letter("a@b.se", policy=own, now=now).subject)
    assert len(subjects) == len(alarms.CHECKS) + 4
    assert [subject for subject in subjects if len(subject) > 60] == []
    for letter in Letter.objects.all():
        check(head_of(letter, organisation=organisation)[0])
