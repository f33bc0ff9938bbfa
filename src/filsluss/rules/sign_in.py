"""Sign-in with a provider: who must, which groups give what, and the sealed cookie of a sign-in under way."""

import hmac
import json
import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from filsluss.rules.addresses import canonical
from filsluss.rules.encryption import PREFIX, DecryptionFailed, decrypt, encrypt
from filsluss.rules.paths import WITH_COOKIES
from filsluss.rules.permissions import StaffRole

FLOW_LASTS = timedelta(minutes=10)
CLOCKS_APART = timedelta(minutes=2)
"""How far the clocks of a provider and of this machine may differ."""
STATE = re.compile(r"[A-Za-z0-9_-]{43}")
LONGEST_NEXT = 500


class SignIn(StrEnum):
    """Whether staff sign in to send. OFFERED: or by their mailbox. REQUIRED: nobody inside does without."""

    OFF = "off"
    OFFERED = "offered"
    REQUIRED = "required"


class LocalSignIn(StrEnum):
    """Whether accounts of this service sign in. BREAK_GLASS: in an emergency; administrators are told."""

    YES = "yes"
    BREAK_GLASS = "break-glass"
    NO = "no"


class How(StrEnum):
    """By what a session was opened, or last proved. LINK: no second factor has been given yet."""

    PROVIDER = "provider"
    PASSKEY = "passkey"
    TOTP = "totp"
    RECOVERY_CODE = "recovery-code"
    LINK = "link"


@dataclass(frozen=True)
class GroupRole:
    """A group of the provider, the role that it gives, and the domain that this is held for; empty: all."""

    group: str
    role: StaffRole
    scope: str = ""


@dataclass(frozen=True)
class SharedMailbox:
    """The members of the group answer the requests to that address."""

    address: str
    group: str


def roles_given(groups: Collection[str], mapping: Iterable[GroupRole]) -> set[tuple[StaffRole, str]]:
    """The roles that these groups give, each with its domain."""
    return {(each.role, each.scope) for each in mapping if each.group in groups}


def mailboxes_of(groups: Collection[str], mapping: Iterable[SharedMailbox]) -> list[str]:
    """The shared mailboxes, as `canonical` writes them, that members of these groups answer for."""
    return sorted({canonical(each.address) for each in mapping if each.group in groups})


@dataclass(frozen=True)
class Flow:
    """A sign-in that has begun: what leads back to this browser, and what the answer is compared with.

    `next` is the page that it was for; `began` seconds since 1970; `is_fresh`: an earlier sign-in is not
    enough. It is kept in a cookie only, so that a stranger's click costs no row.
    """

    state: str
    nonce: str
    verifier: str
    next: str
    began: int
    is_fresh: bool

    @classmethod
    def begin(cls, next_page: str, *, is_fresh: bool, now: datetime) -> "Flow":
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, next_page, int(now.timestamp()), is_fresh)

    @property
    def cookie(self) -> str:
        return cookie_of(self.state)

    def sealed(self, keys: Sequence[bytes]) -> str:
        return encrypt(json.dumps(asdict(self)), keys).removeprefix(PREFIX)


def cookie_of(state: str) -> str:
    """The name of a flow's cookie, without its prefix: one for each, so that two tabs do not meet."""
    return f"flow-{state[:12]}"


def flow_in(sealed: str, *, state: str, keys: Sequence[bytes], now: datetime) -> Flow | None:
    """The flow in a cookie, if it is that of the state and has not run out."""
    try:
        flow = Flow(**json.loads(decrypt(sealed, keys)))
    except (DecryptionFailed, ValueError, TypeError):
        return None
    age = now.timestamp() - flow.began
    is_due = -CLOCKS_APART.total_seconds() <= age <= FLOW_LASTS.total_seconds()
    return flow if is_due and hmac.compare_digest(flow.state.encode(), state.encode()) else None


def page_after(asked: str, *, default: str) -> str:
    """The page of ours that a sign-in leads to: one whose visitors sign in, else `default`."""
    if len(asked) > LONGEST_NEXT or not re.fullmatch(r"/[!-~]*", asked) or asked.startswith("//"):
        return default
    path = asked.partition("#")[0].partition("?")[0]
    if "\\" in asked or "//" in path:
        return default
    return asked if any(prefix.holds(path) for prefix in WITH_COOKIES) else default
