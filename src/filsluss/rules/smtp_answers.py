"""What a mail server's answer to a letter is about: the reader, the letter, us, or only this moment."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Concerns(StrEnum):
    """What an answer is about. READER and LETTER are final; after the others the letter is tried again."""

    READER = "reader"
    LETTER = "letter"
    US = "us"
    NOW = "now"


class Failure(StrEnum):
    """Why a letter did not arrive, in words that say nothing of the mail server itself."""

    UNKNOWN = "unknown"  # no mailbox that takes mail has this address
    FULL = "full"
    REFUSED = "refused"  # this reader takes no letters from us
    CONTENT = "content"  # the letter itself is not taken
    US = "us"
    LATER = "later"


class Verb(StrEnum):
    """The command that was answered; a message is answered at DATA, or at the dot that ends it."""

    BEFORE = "before"  # greeting, EHLO, STARTTLS, AUTH
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"


@dataclass(frozen=True)
class Verdict:
    concerns: Concerns
    failure: Failure

    @property
    def is_final(self) -> bool:
        return self.concerns in (Concerns.READER, Concerns.LETTER)


@dataclass(frozen=True)
class Answer:
    """A reply (RFC 5321, 4.2) to one command; `text` may begin with an enhanced code (RFC 3463)."""

    verb: Verb
    code: int
    text: str = ""

    @property
    def detail(self) -> tuple[int, int] | None:
        """Subject and detail of the enhanced code; None if there is none, or one that says nothing."""
        found = _ENHANCED.search(self.text)
        detail = (int(found[1]), int(found[2])) if found else None
        return None if detail in _SAYS_NOTHING else detail


UNKNOWN = Verdict(Concerns.READER, Failure.UNKNOWN)
REFUSED = Verdict(Concerns.READER, Failure.REFUSED)
CONTENT = Verdict(Concerns.LETTER, Failure.CONTENT)
ABOUT_US = Verdict(Concerns.US, Failure.US)
FULL = Verdict(Concerns.NOW, Failure.FULL)
LATER = Verdict(Concerns.NOW, Failure.LATER)

POLICY = (7, 1)
"""`5.7.1`, "not authorized": used for whatever a server does not like, in the reader, the letter or us."""

_ENHANCED = re.compile(r"(?:^|[\s(#])[245]\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_SAYS_NOTHING = ((0, 0), (5, 0))
_ABOUT_US_WORDS = re.compile(
    r"\b(relay(ing)?|rcpthosts|helo|ehlo|client host|must issue a starttls|your (ip|host|server|domain)"
    r"|sender (address )?(rejected|denied|blocked)|sender verif\w+|to send (as|from)|unauthenticated"
    r"|spf|dkim|dmarc|ptr|rdns|reverse (dns|lookup|hostname)"
    r"|(black|block|deny)[ -]?list(ed)?|dnsbl|rbl|spamhaus|(?<!not )list(ed|ing) (at|in|on|by))\b",
    re.IGNORECASE,
)
"""Who may relay, our name, From, address, and what proves our domain; Exim says so without enhanced codes."""
_SIGN_IN_WORDS = re.compile(r"\bauthenticat\w+ (is )?(required|needed)\b", re.IGNORECASE)
_LATER_WORDS = re.compile(
    r"\b(too (many|quickly|fast)|at a rate|rate limit|(re)?try (again )?later|temporar(y|ily)|gr[ae]y-?list)",
    re.IGNORECASE,
)
_NAMES = re.compile(r"<[^>]*>|\[[^\]]*\]|\"[^\"]*\"|\S*[@.:/]\w\S*|\S+\.{3}")
"""Addresses, hosts and URLs in an answer: `relay.example` does not mean that relaying is denied."""
_RECIPIENT_REJECTED = re.compile(r"recipient address rejected", re.IGNORECASE)
_SIZE = re.compile(r"\bsize\b|too (big|large)", re.IGNORECASE)
_AUTHENTICATION_CODES = frozenset({530, 534, 535, 538})
"""Replies about our authentication (RFC 4954), whichever command they follow."""
_SENDER_DETAILS = frozenset({(1, 7), (1, 8)})
_PROVES_US = frozenset({3, *range(8, 15), *range(20, 30), 57, 60, 64})
"""Details of 5.7.x about us: encryption, sign-in, SPF, DKIM, DMARC, reverse DNS, rate (RFC 7372, 8301)."""
_READERS_CHOICE = frozenset({2, 17, 18, *range(100, 200)})
"""Details of 5.7.x about the reader: lists, a mailbox with a new owner; 1xx of Exchange: closed groups."""
_NO_SUCH_READER = frozenset({(4, 310)})


def judge(answer: Answer, *, met_elsewhere: bool = False) -> Verdict:
    """What the answer is about.

    `met_elsewhere`: a letter to a reader of another domain met 5.7.1 within the hour, too.
    """
    if is_about_us(answer):
        return ABOUT_US
    if not 500 <= answer.code <= 599:
        return FULL if answer.detail == (2, 2) else LATER
    if is_ambiguous(answer):
        return ABOUT_US if met_elsewhere else REFUSED
    verdict = _judge_detail(answer, *answer.detail) if answer.detail else _judge_bare(answer)
    is_later = verdict.concerns is Concerns.READER and _LATER_WORDS.search(_words(answer))
    return LATER if is_later else verdict


def is_ambiguous(answer: Answer) -> bool:
    """Whether only the answers to other letters show what this one is about."""
    refused = 500 <= answer.code <= 599 and answer.detail == POLICY
    return refused and answer.verb in (Verb.RCPT, Verb.DATA) and not is_about_us(answer)


def is_about_us(answer: Answer) -> bool:
    """Whether the answer alone says that the server wants no letter from us, or not like this."""
    words = _words(answer)
    if answer.code in _AUTHENTICATION_CODES or (answer.code >= 400 and _ABOUT_US_WORDS.search(words)):
        return True
    if answer.detail is None:
        return False
    subject, detail = answer.detail
    if subject == 7 and answer.code >= 400:
        return detail in _PROVES_US or (detail >= 500 and detail != 512)  # 512: not as RFC 5322 says
    return answer.code >= 500 and answer.detail in _SENDER_DETAILS


def _words(answer: Answer) -> str:
    return _NAMES.sub(" ", answer.text)


def _judge_bare(answer: Answer) -> Verdict:
    """A 5xx reply of which only the three digits are known, and its words."""
    if _SIGN_IN_WORDS.search(_words(answer)):
        return ABOUT_US
    if answer.code == 552:
        return CONTENT if _SIZE.search(answer.text) else FULL
    if answer.verb is Verb.RCPT and answer.code in (550, 551, 556):
        return UNKNOWN
    return ABOUT_US


def _judge_detail(answer: Answer, subject: int, detail: int) -> Verdict:
    """A 5xx reply with an enhanced code. What is not known to be final is about us, and waits."""
    if subject == 6 or (subject, detail) in ((3, 4), (2, 3)):
        return CONTENT
    if answer.verb not in (Verb.RCPT, Verb.DATA):
        return ABOUT_US
    if subject == 1 or (subject, detail) == (2, 1) or (subject, detail) in _NO_SUCH_READER:
        return UNKNOWN
    if subject == 2:
        return FULL if detail == 2 else LATER
    if subject == 4:
        return UNKNOWN if _RECIPIENT_REJECTED.search(answer.text) else LATER
    if subject == 7 and detail in _READERS_CHOICE:
        return REFUSED
    return CONTENT if subject == 7 and answer.verb is Verb.DATA else ABOUT_US
