"""Header fields on several lines: encoded words (RFC 2047) and folding (RFC 5322, 2.2.3)."""

from collections.abc import Iterator, Sequence
from email.utils import formataddr
from string import ascii_letters, digits

LONGEST_LINE = 76
"""Of a line with an encoded word (RFC 2047, 2); others may be longer."""
LONGEST_WORD = 75
START, END = "=?utf-8?q?", "?="
PLAIN = frozenset(ascii_letters + digits + "!*+-/")
"""What may stand unencoded in an encoded word wherever the word stands (RFC 2047, 5)."""


class FoldedHeader:
    """A value whose lines are fixed; the generator of a message asks for `encode` and leaves them so."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines

    def encode(self, *, linesep: str = "\n", **_: object) -> str:
        return f"{linesep} ".join(self.lines)

    def __str__(self) -> str:
        return " ".join(self.lines)


def text_header(name: str, text: str) -> FoldedHeader:
    """Free text, such as a subject."""
    return fold(name, text.split(" ") if is_plain(text) else list(encoded_words(text, name)))


def sender_header(name: str, person: str, address: str) -> FoldedHeader:
    """A name and an address, such as in From."""
    if is_plain(person):
        return fold(name, formataddr((person, address)).split(" "))
    return fold(name, [*encoded_words(person, name), f"<{address}>"])


def is_plain(text: str) -> bool:
    """Whether it can stand as it is: short words of ASCII, and nothing like an encoded word."""
    return text.isascii() and "=?" not in text and all(len(word) < LONGEST_WORD - 20 for word in text.split())


def encoded_words(text: str, name: str) -> Iterator[str]:
    """The text as encoded words of whole characters, the first of which fits in the line of the name."""
    room = min(LONGEST_WORD, LONGEST_LINE - len(f"{name}: "))
    word = START
    for character in text:
        encoded = _encoded(character)
        if len(word) + len(encoded) + len(END) > room:
            yield word + END
            word, room = START, LONGEST_WORD
        word += encoded
    yield word + END


def _encoded(character: str) -> str:
    if character in PLAIN:
        return character
    return "_" if character == " " else "".join(f"={byte:02X}" for byte in character.encode())


def fold(name: str, words: Sequence[str]) -> FoldedHeader:
    """The words on as few lines as may be. The first line is never empty, however long the first word is."""
    lines, used = [words[0]], len(f"{name}: {words[0]}")
    for word in words[1:]:
        if used + 1 + len(word) > LONGEST_LINE:
            lines.append(word)
            used = 1 + len(word)
        else:
            lines[-1] += f" {word}"
            used += 1 + len(word)
    return FoldedHeader(lines)
