"""A test download through the public address, whole and one range of it, compared with what is stored."""

import http.client

from filsluss.conf.names import Name
from filsluss.rules.paths import DOWNLOAD
from filsluss.streams.upload_probe import NoWayThrough, connect

FIRST, LAST = 1000, 70_000
"""The range that is asked for, both ends included."""


def compare(base_url: str, token: str, content: bytes) -> None:
    """Raises NoWayThrough if what arrives is not the content, with what was answered instead."""
    _expect(base_url, token, {}, 200, content)
    _expect(base_url, token, {"Range": f"bytes={FIRST}-{LAST}"}, 206, content[FIRST : LAST + 1])


def _expect(base_url: str, token: str, headers: dict[str, str], status: int, content: bytes) -> None:
    what = "a range of a download" if headers else "a download"
    connection = connect(base_url)
    try:
        connection.request("GET", DOWNLOAD.path(token, "filsluss-check.bin"), headers=headers)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as fault:
        raise NoWayThrough(f"broke off {what}: {fault}") from None
    finally:
        connection.close()
    if response.status != status:
        raise NoWayThrough(f"answered {response.status} to {what}{_reason(response.status)}")
    if body != content:
        raise NoWayThrough(f"sent other bytes than are stored for {what} ({len(body)} of {len(content)})")


def _reason(status: int) -> str:
    """What such a status usually comes from."""
    if status in (403, 404):
        return f": with {Name.ACCEL} the proxy must be able to read the blob folder"
    return " whole: the proxy caches or ignores ranges" if status == 200 else ""
