"""The byte paths: the handler of each, and how a refusal is shown, as JSON or as a page."""

import logging
import re
from collections.abc import Iterable
from typing import Any

from django.db import connection

from filsluss import outages
from filsluss.blobs import BlobDamaged, LeaseLost, StoreAway, StoreFull
from filsluss.cross_site import is_cross_site
from filsluss.rules.paths import DOWNLOAD, UPLOAD, ZIP, Bytes, Prefix, prefix_of
from filsluss.rules.refusals import Refused
from filsluss.rules.shares import CROWDED_KEY
from filsluss.rules.tokens import TOKEN_PATTERN
from filsluss.streams import archive, creation, downloads, files_api, form, uploads
from filsluss.streams.body import content_length
from filsluss.streams.connection import Connection
from filsluss.streams.content_headers import refuse_altered_body
from filsluss.streams.request import Handler, Request, by_method
from filsluss.streams.responses import Refusal, Response, problem, reason_of
from filsluss.streams.sending import RETRY_SECONDS

log = logging.getLogger(__name__)

UPLOAD_ID = r"(?P<upload>[A-Za-z0-9_-]{1,64})"

collection = by_method({"GET": files_api.files, "POST": creation.create, "OPTIONS": uploads.options})
single_upload = by_method(
    {
        "HEAD": uploads.head,
        "PATCH": uploads.patch,
        "DELETE": uploads.terminate,
        "OPTIONS": uploads.options,
    }
)


class Route:
    """What follows the token in a path, as a regular expression, and its handler.

    Without `methods` it takes all of them, and the handler answers 405 itself. With `speaks_tus` it is a path
    of tus clients: refusals are for a program, and responses name the version.
    """

    def __init__(
        self, prefix: Prefix, below: str, handler: Handler, *, methods: str = "", speaks_tus: bool = False
    ) -> None:
        self.prefix, self.handler = prefix, handler
        self.methods, self.speaks_tus = methods.split(), speaks_tus
        token = f"(?P<token>{TOKEN_PATTERN})"
        self.path = re.compile(re.escape(prefix.path()) + f"/{token}{below}", re.DOTALL)


ROUTES = {
    UPLOAD: (
        Route(UPLOAD, f"/files/{UPLOAD_ID}", single_upload, speaks_tus=True),
        Route(UPLOAD, "/files/?", collection, speaks_tus=True),
        Route(UPLOAD, f"/files/{UPLOAD_ID}/samples", by_method({"GET": files_api.samples}), speaks_tus=True),
        Route(UPLOAD, "/(?P<name>[^/]+)", form.put, methods="PUT"),
        Route(UPLOAD, "", form.post, methods="POST"),
    ),
    DOWNLOAD: (Route(DOWNLOAD, "/(?P<name>[^/]*)", downloads.fetch, methods="GET HEAD"),),
    ZIP: (Route(ZIP, r"/(?P<id>[A-Z0-9-]{9})\.zip", archive.fetch, methods="GET HEAD"),),
}


class RenderPage(Exception):
    """A refusal for a person: the caller renders the page of the link `token`, below `prefix`, with it."""

    def __init__(self, prefix: Prefix, token: str, refusal: Refused) -> None:
        super().__init__(refusal.code)
        self.prefix, self.token, self.refusal = prefix, token, refusal


def find_route(environ: dict[str, Any]) -> tuple[Route, dict[str, str]] | None:
    prefix = prefix_of(environ["PATH_INFO"])
    for route in ROUTES.get(prefix, ()) if prefix else ():
        found = route.path.fullmatch(environ["PATH_INFO"])
        if found and (not route.methods or environ["REQUEST_METHOD"] in route.methods):
            return route, found.groupdict()
    return None


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes] | None:
    """Answers a byte path; returns None for any other. Raises RenderPage for a refusal shown as a page."""
    found = find_route(environ)
    if found is None:
        return None
    route, path_params = found
    try:
        response = respond(environ, route, path_params)
    except Refused as refusal:
        response = refusal_response(environ, route, path_params["token"], refusal)
    finally:
        connection.close()
    start_response(reason_of(response.status), list(response_headers(response, environ, route)))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else response.body


def respond(environ: dict[str, Any], route: Route, path_params: dict[str, str]) -> Response:
    """The handler's response; raises Refused, also for faults of store and database."""
    try:
        refuse_crowded(environ, route.prefix)
        if is_cross_site(environ):
            raise Refusal("forbidden_origin")
        request = Request(environ, path_params)
        if environ["REQUEST_METHOD"] in ("PUT", "POST", "PATCH"):
            refuse_altered_body(request)
        return route.handler(request)
    except StoreFull:
        raise Refusal("disk_full") from None
    except outages.AWAY as fault:
        outages.database_failed(fault)
        if outages.is_full(fault):
            raise Refusal("disk_full") from None
    except LeaseLost:
        raise Refusal("preempted") from None
    except StoreAway as fault:
        outages.store.met(fault)
    except (BlobDamaged, OSError) as fault:
        if outages.is_full(fault):
            log.error("the disk has no room: %s", fault)
            raise Refusal("disk_full") from None
        log.exception("the blob store failed")
    raise Refusal("busy")


def refuse_crowded(environ: dict[str, Any], prefix: Prefix) -> None:
    """Refuses a request that the web server or the proxy has found to be one too many of its link."""
    if CROWDED_KEY not in environ:
        return
    if prefix.bytes is Bytes.RECEIVED:
        raise Refusal("busy")
    raise Refusal("too_many_downloads", retry_after=RETRY_SECONDS)


def refusal_response(environ: dict[str, Any], route: Route, token: str, refusal: Refused) -> Response:
    """Problem JSON for programs; raises RenderPage for the plain form and for downloads."""
    discard_body(environ)
    if not route.speaks_tus and wants_page(environ, refusal):
        raise RenderPage(route.prefix, token, refusal)
    return problem(refusal)


def wants_page(environ: dict[str, Any], refusal: Refused) -> bool:
    if refusal.status == 429 and "text/html" not in environ.get("HTTP_ACCEPT", ""):
        return False  # a program that is to try again later
    return environ["REQUEST_METHOD"] in ("GET", "HEAD", "POST") and refusal.status not in (412, 416)


def discard_body(environ: dict[str, Any]) -> None:
    """Leaves a refused body unread; the connection closes after the response."""
    if content_length(environ) != 0:
        Connection(environ).close_after_response()


def response_headers(response: Response, environ: dict[str, Any], route: Route) -> Iterable[tuple[str, str]]:
    yield from response.headers
    if route.speaks_tus:
        yield ("Tus-Resumable", "1.0.0")
        if not any(name == "Cache-Control" for name, _ in response.headers):
            yield ("Cache-Control", "no-store")
    if response.status == 201 and not any(name == "Content-Length" for name, _ in response.headers):
        yield ("Content-Length", "0")
    if environ["REQUEST_METHOD"] != "HEAD" and response.status == 200 and not response.body:
        yield ("Content-Length", "0")
