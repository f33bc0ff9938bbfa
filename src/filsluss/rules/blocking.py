"""What is blocked: a mailbox, a domain, or a domain and all below it; and the keys that an address has."""

from enum import StrEnum

from filsluss.rules.addresses import (
    AddressRefused,
    ascii_domain,
    canonical,
    is_inside,
    read_address,
    unseen_sign,
)
from filsluss.rules.refusals import FormRefused

MOST_DAYS = 365
BLOCKED = "blocked"
"""The reason code of a case that was asked for with a blocked address."""


class BlockKind(StrEnum):
    ADDRESS = "address"
    DOMAIN = "domain"
    SUFFIX = "suffix"


def read_block(typed: str, *, inside_domains: tuple[str, ...]) -> tuple[BlockKind, str]:
    """What somebody wants to block: `bo@x.example`, `x.example`, or `.x.example` with all below it.

    A mailbox is blocked however it is written, also with a +tag. Raises FormRefused; also for a domain that
    would shut everybody of the organisation out.
    """
    text = typed.strip()
    if not text:
        raise FormRefused({"value": "block_empty"})
    if unseen_sign(text):
        raise FormRefused({"value": "address_unseen"})
    try:
        if "@" in text:
            return BlockKind.ADDRESS, canonical(read_address(text))
        domain = read_address(f"a@{ascii_domain(text.removeprefix('.'))}").partition("@")[2]
    except AddressRefused:
        raise FormRefused({"value": "block_malformed"}) from None
    kind = BlockKind.SUFFIX if text.startswith(".") else BlockKind.DOMAIN
    value = f".{domain}" if kind is BlockKind.SUFFIX else domain
    inside = [name.removeprefix(".").lower() for name in inside_domains]
    if is_inside(f"a@{domain}", domains=inside_domains) or any(
        is_inside(f"a@{name}", domains=[value]) for name in inside
    ):
        raise FormRefused({"value": "block_inside"})
    return kind, value


def blocking_values(address: str) -> list[str]:
    """The values of which one is on the block list if this address, as stored, is blocked."""
    mailbox = canonical(address)
    labels = mailbox.rpartition("@")[2].split(".")
    return [mailbox, ".".join(labels), *("." + ".".join(labels[at:]) for at in range(len(labels)))]
