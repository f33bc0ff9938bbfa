"""Whether a request was sent by our own pages, by its Origin and Sec-Fetch-Site headers."""

from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Origin = tuple[str, str, int | None]


def read_origin(url: str) -> Origin:
    """Scheme, host and port, to compare; "null" and what cannot be parsed equal no http origin."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return "", url, None


def is_from_us(
    *, origin: str | None, fetch_site: str | None, base_url: str, on_loopback: bool = False
) -> bool:
    """Whether a request that changes something comes from our own page, or from a client that is no browser.

    `on_loopback` accepts every loopback name as our own (in the demo).
    """
    own = read_origin(base_url)
    ours = {own} | ({(own[0], host, own[2]) for host in LOOPBACK} if on_loopback else set())
    if origin is not None and read_origin(origin) not in ours:
        return False
    return fetch_site in (None, "same-origin", "none")
