"""Which page a form or a script was sent from, as far as the browser says."""

from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Origin = tuple[str, str, int | None]


def read_origin(url: str) -> Origin:
    """Scheme, host and port, comparable; one that is none ("null", nonsense) equals no other."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return "", url, None


def is_from_us(
    *, origin: str | None, fetch_site: str | None, base_url: str, on_loopback: bool = False
) -> bool:
    """Whether a request that changes something comes from our own page, or from no browser at all.

    `on_loopback` lets every name of this machine stand for our own (the demo).
    """
    own = read_origin(base_url)
    ours = {own} | ({(own[0], host, own[2]) for host in LOOPBACK} if on_loopback else set())
    if origin is not None and read_origin(origin) not in ours:
        return False
    return fetch_site in (None, "same-origin", "none")
