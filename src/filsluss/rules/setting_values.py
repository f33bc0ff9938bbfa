"""How operators write numbers, lists and names in a setting; a ValueError says in words what is wrong."""

import re
from collections.abc import Callable

from filsluss.rules.formats import parse_size
from filsluss.rules.networks import Network, parse_networks

LONGEST_NAME = 100
WIDEST = {4: 8, 6: 7}
"""Fewest fixed bits of a network that is trusted: 10.0.0.0/8 and fc00::/7 are the widest private ones."""


def integer(minimum: int, maximum: int) -> Callable[[str], int]:
    """A reader of whole numbers, in the digits 0 to 9 and nothing else, within these bounds."""

    def number(value: str) -> int:
        if not re.fullmatch("-?[0-9]{1,18}", value) or not minimum <= int(value) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    return number


def percent(value: str) -> float:
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?%", value):
        raise ValueError("must be a percentage like 5%, from 0% to below 100%")
    return float(value.removesuffix("%"))


def size(minimum: int, maximum: int) -> Callable[[str], int]:
    """A reader of sizes such as 2GiB within these bounds, which are whole MiB."""

    def number(value: str) -> int:
        if not minimum <= parse_size(value) <= maximum:
            raise ValueError(f"must be from {minimum >> 20} MiB to {maximum >> 40} TiB")
        return parse_size(value)

    return number


def comma_list(value: str) -> tuple[str, ...]:
    """What stands between the commas; nothing at all is none, but a comma alone is a mistake."""
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    if value.strip() and not found:
        raise ValueError("has commas and nothing between them")
    return found


def name(value: str) -> str:
    """A name as people see it: one line, of at most LONGEST_NAME signs."""
    if len(value) > LONGEST_NAME or not value.isprintable():
        raise ValueError(f"must be one line of at most {LONGEST_NAME} printable signs")
    return value


def networks(value: str) -> tuple[Network, ...]:
    """Networks whose clients are trusted with something: none may hold a large part of the internet."""
    found = parse_networks(comma_list(value))
    for network in found:
        if network.prefixlen < WIDEST[network.version]:
            raise ValueError(f"{network} is too wide: it holds machines of strangers")
    return found
