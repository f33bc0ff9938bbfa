"""Did you mean: the address that somebody may have meant whose domain is nearly one that is well known."""

from collections.abc import Sequence

from filsluss.rules.addresses import is_inside

PROVIDERS = (
    "gmail.com",
    "hotmail.com",
    "hotmail.se",
    "outlook.com",
    "live.com",
    "live.se",
    "icloud.com",
    "yahoo.com",
    "yahoo.se",
    "msn.com",
    "telia.com",
    "comhem.se",
    "bredband.net",
    "spray.se",
    "protonmail.com",
)
ALSO_REAL = ("mail.com", "email.com", "ymail.com", "gmx.com")
"""Providers so near to another one that they would be taken for a slip of the fingers."""
SHORT = 8
"""In a domain of fewer characters only one slip is thought of, else two."""
SLIPS_OF_COM = ("co", "cm", "om")
"""Country codes that are more often `com` with a letter missing."""


def suggested_address(typed: str, *, inside_domains: Sequence[str]) -> str:
    """The address with the domain that was probably meant; empty if the domain is as good as any other.

    First those inside are thought of, then fifteen common providers. `inside_domains` are as in
    `rules.addresses.is_inside`. The script of the form (`did-you-mean.js`) does the same.
    """
    local, at, domain = typed.strip().rpartition("@")
    domain = domain.lower()
    if not (local and at and "." in domain) or is_inside(typed.strip(), domains=inside_domains):
        return ""
    near = [_near_inside(domain, entry.lower()) for entry in inside_domains]
    meant = next(filter(None, near), "") or _near_provider(domain)
    return f"{local}@{meant}" if meant else ""


def suggests_inside(typed: str, *, inside_domains: Sequence[str]) -> bool:
    """Whether an address inside may be meant by one that is not."""
    return is_inside(suggested_address(typed, inside_domains=inside_domains), domains=inside_domains)


def _near_inside(domain: str, entry: str) -> str:
    """The domain inside that is meant; `.example.se` stands for its subdomains, too, whose names are kept."""
    known = entry.removeprefix(".")
    labels = domain.split(".")
    kept = len(labels) - known.count(".") - 1 if entry.startswith(".") else 0
    tail = ".".join(labels[max(kept, 0) :])
    if not (_is_near(tail, known) or _name(tail) == _name(known)):
        return ""
    return ".".join([*labels[: max(kept, 0)], known])


def _near_provider(domain: str) -> str:
    if domain in (*PROVIDERS, *ALSO_REAL):
        return ""
    name, _, top = domain.rpartition(".")
    if len(top) == 2 and top not in SLIPS_OF_COM and name in map(_name, PROVIDERS):
        return ""  # a provider in another country
    near = [known for known in PROVIDERS if _is_near(domain, known)]
    return min(near, key=lambda known: distance(domain, known), default="")


def _name(domain: str) -> str:
    """The domain without its last label."""
    return domain.rpartition(".")[0]


def _is_near(domain: str, known: str) -> bool:
    slips = 1 if len(known) < SHORT else 2
    return abs(len(domain) - len(known)) <= slips and distance(domain, known) <= slips


def distance(one: str, other: str) -> int:
    """How many letters must be added, left out, changed or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
