"""The one table of paths: who answers, with which methods, whether bytes pass, what is a secret."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Door(StrEnum):
    """Who answers. `PROXY`: the proxy in front, on our word only; a request of a client's is unknown."""

    PAGES = "pages"
    STREAMS = "streams"
    OPS = "ops"
    STATIC = "static"
    PROXY = "proxy"


class Bytes(StrEnum):
    """Which way the bytes of files pass, so that a thread may wait for its client."""

    NONE = "none"
    RECEIVED = "received"
    SENT = "sent"


class Client(StrEnum):
    """For whom an answer is written."""

    PEOPLE = "people"
    PROGRAMS = "programs"


READS = ("GET", "HEAD")


@dataclass(frozen=True, eq=False)
class Prefix:
    """The first segment of paths, and what holds for all of them.

    `methods` are those that at least one of them takes, and HEAD where GET is.
    `is_secret`: the second segment is a credential, the token of a link. The link's own page is a page, also
    where `door` is another.
    """

    name: str
    door: Door
    methods: str
    client: Client = Client.PEOPLE
    bytes: Bytes = Bytes.NONE
    is_secret: bool = False

    def path(self, *below: str) -> str:
        """The path of these segments below it, which the caller has quoted."""
        return "/" + "/".join((self.name, *below))

    def route(self, *below: str) -> str:
        """The same as Django's `path` takes it."""
        return self.path(*below)[1:]

    def holds(self, path: str) -> bool:
        return prefix_of(path) is self


START = Prefix("", Door.PAGES, "GET POST")
SENT = Prefix("sent", Door.PAGES, "GET")
DECIDE = Prefix("decide", Door.PAGES, "GET POST", is_secret=True)
STATUS = Prefix("status", Door.PAGES, "GET POST", is_secret=True)
UPLOAD = Prefix(
    "upload",
    Door.STREAMS,
    "GET POST PUT PATCH DELETE OPTIONS",
    bytes=Bytes.RECEIVED,
    is_secret=True,
)
DOWNLOAD = Prefix("download", Door.STREAMS, "GET POST", bytes=Bytes.SENT, is_secret=True)
ZIP = Prefix("zip", Door.STREAMS, "GET", bytes=Bytes.SENT, is_secret=True)
CODE = Prefix("code", Door.PAGES, "GET POST")
OVERSEE = Prefix("oversee", Door.PAGES, "GET POST")
STAFF = Prefix("staff", Door.PAGES, "GET POST")
LOST_LINK = Prefix("lost-link", Door.PAGES, "GET POST")
GENUINE = Prefix("genuine", Door.PAGES, "GET POST")
LINK = Prefix("link", Door.PAGES, "GET POST")
TERMS = Prefix("terms", Door.PAGES, "GET")
PRIVACY = Prefix("privacy", Door.PAGES, "GET")
HELP = Prefix("help", Door.PAGES, "GET")
ACCESSIBILITY = Prefix("accessibility", Door.PAGES, "GET POST")
WELL_KNOWN = Prefix(".well-known", Door.PAGES, "GET")
FAVICON = Prefix("favicon.ico", Door.PAGES, "GET")
DEMO = Prefix("demo", Door.PAGES, "GET POST")
STATIC = Prefix("static", Door.STATIC, "GET")
HEALTHZ = Prefix("healthz", Door.OPS, "GET", Client.PROGRAMS)
READYZ = Prefix("readyz", Door.OPS, "GET", Client.PROGRAMS)
METRICS = Prefix("metrics", Door.OPS, "GET", Client.PROGRAMS)
BLOBS_BY_PROXY = Prefix("filsluss-bytes", Door.PROXY, "", Client.PROGRAMS)

TABLE = (
    *(START, SENT, DECIDE, STATUS, UPLOAD, DOWNLOAD, ZIP, CODE, OVERSEE, STAFF),
    *(LOST_LINK, GENUINE, LINK, TERMS, PRIVACY, HELP, ACCESSIBILITY, WELL_KNOWN, FAVICON, DEMO, STATIC),
    *(HEALTHZ, READYZ, METRICS, BLOBS_BY_PROXY),
)
"""All of them. Beside them lie an installation's own logo, colours and icon, each named by its digest."""

SIGN_IN = OVERSEE.path("sign-in")
SECOND_STEP = OVERSEE.path("sign-in", "code")
FACTORS, PROVE = OVERSEE.path("me", "factors"), OVERSEE.path("me", "prove")
STAFF_SIGN_IN, STAFF_RETURN = STAFF.path("sign-in"), STAFF.path("return")
WITH_COOKIES = (OVERSEE, STAFF)
"""Pages whose visitors may be signed in: no other page reads or sets a cookie."""

_BY_NAME = {each.name: each for each in TABLE}


class Asked(NamedTuple):
    """What a method and a path tell: the row, the token that a byte path claims, which way bytes may pass."""

    prefix: Prefix | None = None
    token: str = ""
    bytes: Bytes = Bytes.NONE


def prefix_of(path: str) -> Prefix | None:
    """The row of a path, from the slash it begins with; None for one that nobody answers."""
    if path[:1] != "/":
        return None
    name = path[1:].partition("/")[0]
    return _BY_NAME.get(name) if name or path == "/" else None


def read(method: str, path: str) -> Asked:
    """Below an upload's link bytes pass also with a GET: it may wait for whoever is still writing."""
    prefix = prefix_of(path)
    if prefix is None or prefix.bytes is Bytes.NONE:
        return Asked(prefix)
    segments = path.split("/", 3)
    token = segments[2] if len(segments) > 2 else ""
    if method in READS:
        passes = token != "" and len(segments) > 3
    else:
        passes = prefix.bytes is Bytes.RECEIVED and len(segments) > 2
    return Asked(prefix, token, prefix.bytes if passes else Bytes.NONE)
