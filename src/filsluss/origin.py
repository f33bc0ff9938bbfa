"""Where the work of the current thread comes from: the network address of a client, and the request's id."""

import re
from contextvars import ContextVar
from dataclasses import dataclass

from filsluss.randomness import token_hex
from filsluss.rules.networks import Client

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Origin:
    """`network` is the client's address. Both are empty where no request causes the work, as in a job."""

    network: str = ""
    request_id: str = ""


NOWHERE = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def current_origin() -> Origin:
    """The origin of what this thread is doing."""
    return _current.get()


def set_origin(origin: Origin) -> None:
    """Called when a thread begins a request, and with NOWHERE when it has answered it."""
    _current.set(origin)


def origin_of(client: Client, *, request_id: str | None) -> Origin:
    """`request_id` is what a trusted proxy says; without it, or with a malformed one, one is drawn."""
    known = request_id if request_id and REQUEST_ID.fullmatch(request_id) else token_hex(16)
    return Origin(client.address or "", known)
