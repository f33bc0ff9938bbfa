"""The byte paths: the handler of each, and how a refusal is shown, as JSON or as a page."""

import logging
import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection

from filsluss import outages
from filsluss.actions.room import UploadRefused, is_full
from filsluss.blobs import BlobDamaged, StoreFull
from filsluss.rules.origins import is_from_us
from filsluss.rules.shares import CROWDED_KEY
from filsluss.rules.tokens import TOKEN_PATTERN
from filsluss.streams import archive, creation, downloads, files_api, form, uploads
from filsluss.streams.body import close_after_response, content_length
from filsluss.streams.content_headers import refuse_altered_body
from filsluss.streams.request import Handler, Request, by_method
from filsluss.streams.responses import Refusal, Response, problem, reason_of
from filsluss.streams.sending import RETRY_SECONDS

log = logging.getLogger(__name__)

TOKEN = f"(?P<token>{TOKEN_PATTERN})"
UPLOAD = r"(?P<upload>[A-Za-z0-9_-]{1,64})"

collection = by_method({"GET": files_api.files, "POST": creation.create, "OPTIONS": uploads.options})
single_upload = by_method(
    {
        "HEAD": uploads.head,
        "PATCH": uploads.patch,
        "DELETE": uploads.terminate,
        "OPTIONS": uploads.options,
    }
)

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("", f"/upload/{TOKEN}/files/?", collection),
    ("", f"/upload/{TOKEN}/files/{UPLOAD}", single_upload),
    ("", f"/upload/{TOKEN}/files/{UPLOAD}/samples", by_method({"GET": files_api.samples})),
    ("PUT", f"/upload/{TOKEN}/(?P<name>[^/]+)", form.put),
    ("POST", f"/upload/{TOKEN}", form.post),
    ("GET HEAD", f"/download/{TOKEN}/(?P<name>[^/]*)", downloads.fetch),
    ("GET HEAD", rf"/zip/{TOKEN}/(?P<id>[A-Z0-9-]{{9}})\.zip", archive.fetch),
)
"""Methods, path and handler; a route without methods takes all of them and answers 405 itself."""

TUS_PATH = re.compile(f"/upload/{TOKEN_PATTERN}/files(/.*)?", re.DOTALL)
PAGE_PATH = re.compile(rf"/(?P<prefix>upload|download|zip)/{TOKEN}(/[^/]*)?", re.DOTALL)


class RenderPage(Exception):
    """A refusal for a person: the caller renders the page at path `page` with the refusal's status."""

    def __init__(self, page: str, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.page = page
        self.refusal = refusal


def find_route(environ: dict[str, Any]) -> tuple[Handler, dict[str, str]] | None:
    for methods, pattern, handler in ROUTES:
        found = re.fullmatch(pattern, environ["PATH_INFO"], re.DOTALL)
        if found and (not methods or environ["REQUEST_METHOD"] in methods.split()):
            return handler, found.groupdict()
    return None


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes] | None:
    """Answers a byte path; returns None for any other. Raises RenderPage for a refusal shown as a page."""
    route = find_route(environ)
    if route is None:
        return None
    close_old_connections()
    try:
        response = respond(environ, *route)
    finally:
        connection.close()
    start_response(reason_of(response.status), list(response_headers(response, environ)))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else response.body


def respond(environ: dict[str, Any], handler: Handler, path_params: dict[str, str]) -> Response:
    try:
        refuse_crowded(environ)
        refuse_cross_site(environ)
        request = Request(environ, path_params)
        if environ["REQUEST_METHOD"] in ("PUT", "POST", "PATCH"):
            refuse_altered_body(request)
        return handler(request)
    except Refusal as refusal:
        return refusal_response(environ, refusal)
    except UploadRefused as refusal:
        return refusal_response(environ, Refusal(refusal.code))
    except StoreFull:
        return refusal_response(environ, Refusal("disk_full"))
    except outages.AWAY as fault:
        if is_full(fault):
            log.error("the database has no room: %s", fault)
            return refusal_response(environ, Refusal("disk_full"))
        outages.database.met(fault)
    except (BlobDamaged, OSError):
        log.exception("the blob store failed")
    return refusal_response(environ, Refusal("busy", headers=(("Retry-After", "5"),)))


def refuse_crowded(environ: dict[str, Any]) -> None:
    """Refuses a request that the web server or the proxy has found to be one too many of its link."""
    if CROWDED_KEY not in environ:
        return
    if environ["PATH_INFO"].startswith("/upload/"):
        raise Refusal("busy", headers=(("Retry-After", "5"),))
    raise Refusal("too_many_downloads", headers=(("Retry-After", str(RETRY_SECONDS)),))


def refuse_cross_site(environ: dict[str, Any]) -> None:
    """Refuses a request that changes something and was made by another site's page."""
    own = is_from_us(
        origin=environ.get("HTTP_ORIGIN"),
        fetch_site=environ.get("HTTP_SEC_FETCH_SITE"),
        base_url=settings.POLICY.base_url,
        on_loopback=settings.DEMO,
    )
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD", "OPTIONS") and not own:
        raise Refusal("forbidden_origin")


def refusal_response(environ: dict[str, Any], refusal: Refusal) -> Response:
    """Problem JSON for tus clients; raises RenderPage for the plain form and for downloads."""
    discard_body(environ)
    path = PAGE_PATH.fullmatch(environ["PATH_INFO"])
    if path and not TUS_PATH.fullmatch(environ["PATH_INFO"]) and wants_page(environ, refusal):
        prefix = "upload" if path["prefix"] == "upload" else "download"
        raise RenderPage(f"/{prefix}/{path['token']}", refusal)
    return problem(refusal)


def wants_page(environ: dict[str, Any], refusal: Refusal) -> bool:
    if refusal.status == 429 and "text/html" not in environ.get("HTTP_ACCEPT", ""):
        return False  # a program that is to try again later
    return environ["REQUEST_METHOD"] in ("GET", "HEAD", "POST") and refusal.status not in (412, 416)


def discard_body(environ: dict[str, Any]) -> None:
    """Leaves a refused body unread; the connection closes after the response."""
    if content_length(environ) != 0:
        close_after_response(environ)


def response_headers(response: Response, environ: dict[str, Any]) -> Iterable[tuple[str, str]]:
    yield from response.headers
    if TUS_PATH.fullmatch(environ["PATH_INFO"]):
        yield ("Tus-Resumable", "1.0.0")
        if not any(name == "Cache-Control" for name, _ in response.headers):
            yield ("Cache-Control", "no-store")
    if response.status == 201 and not any(name == "Content-Length" for name, _ in response.headers):
        yield ("Content-Length", "0")
    if environ["REQUEST_METHOD"] != "HEAD" and response.status == 200 and not response.body:
        yield ("Content-Length", "0")
