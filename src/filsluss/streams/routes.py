"""Which byte path a request is for, and its response; everything else is the pages'."""

import logging
import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from filsluss.actions.upload import UploadRefused
from filsluss.blobs import BlobDamaged, StoreFull
from filsluss.rules.origins import is_from_us
from filsluss.rules.tokens import TOKEN_PATTERN
from filsluss.streams import archive, downloads, files_api, form, uploads
from filsluss.streams.body import close_after_response, content_length
from filsluss.streams.request import Handler, Request, by_method
from filsluss.streams.responses import Refusal, Response, problem, reason_of

log = logging.getLogger(__name__)

TOKEN = f"(?P<token>{TOKEN_PATTERN})"
UPLOAD = r"(?P<upload>[A-Za-z0-9_-]{1,64})"

collection = by_method({"GET": files_api.files, "POST": uploads.create, "OPTIONS": uploads.options})
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
"""The methods a route is for (none named: all, and it answers for itself), its path and its handler."""

TUS_PATH = re.compile(f"/upload/{TOKEN_PATTERN}/files(/.*)?", re.DOTALL)
PAGE_PATH = re.compile(rf"/(?P<door>upload|download|zip)/{TOKEN}(/[^/]*)?", re.DOTALL)


class RenderPage(Exception):
    """A person, not a program, was refused: a calm page answers, at `page`, with the refusal's status."""

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
    """Answers a byte path; None if this is not one. Raises HandOn for a refusal that a page should tell."""
    route = find_route(environ)
    if route is None:
        return None
    close_old_connections()
    try:
        answer = respond(environ, *route)
    finally:
        connection.close()
    start_response(reason_of(answer.status), list(response_headers(answer, environ)))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else answer.body


def respond(environ: dict[str, Any], handler: Handler, path_params: dict[str, str]) -> Response:
    try:
        refuse_cross_site(environ)
        return handler(Request(environ, path_params))
    except Refusal as refusal:
        return refusal_response(environ, refusal)
    except UploadRefused as refusal:
        return refusal_response(environ, Refusal(refusal.code))
    except StoreFull:
        return refusal_response(environ, Refusal("disk_full"))
    except (InterfaceError, OperationalError):
        log.exception("the database did not answer")
    except (BlobDamaged, OSError):
        log.exception("the store did not answer")
    return refusal_response(environ, Refusal("busy", headers=(("Retry-After", "5"),)))


def refuse_cross_site(environ: dict[str, Any]) -> None:
    """No other site's page may move a byte here, though it knew the link."""
    ours = is_from_us(
        origin=environ.get("HTTP_ORIGIN"),
        fetch_site=environ.get("HTTP_SEC_FETCH_SITE"),
        base_url=settings.POLICY.base_url,
        on_loopback=settings.DEMO,
    )
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD", "OPTIONS") and not ours:
        raise Refusal("forbidden_origin")


def refusal_response(environ: dict[str, Any], refusal: Refusal) -> Response:
    """A problem for programs; a page in the person's language for the plain form and for downloads."""
    discard_body(environ)
    calm = PAGE_PATH.fullmatch(environ["PATH_INFO"])
    if calm and not TUS_PATH.fullmatch(environ["PATH_INFO"]) and wants_page(environ, refusal):
        door = "upload" if calm["door"] == "upload" else "download"
        raise RenderPage(f"/{door}/{calm['token']}", refusal)
    return problem(refusal)


def wants_page(environ: dict[str, Any], refusal: Refusal) -> bool:
    return environ["REQUEST_METHOD"] in ("GET", "HEAD", "POST") and refusal.status not in (412, 416)


def discard_body(environ: dict[str, Any]) -> None:
    """A refused body is not read: the connection closes after the answer."""
    if content_length(environ) != 0:
        close_after_response(environ)


def response_headers(answer: Response, environ: dict[str, Any]) -> Iterable[tuple[str, str]]:
    yield from answer.headers
    if TUS_PATH.fullmatch(environ["PATH_INFO"]):
        yield ("Tus-Resumable", "1.0.0")
        if not any(name == "Cache-Control" for name, _ in answer.headers):
            yield ("Cache-Control", "no-store")
    if answer.status == 201 and not any(name == "Content-Length" for name, _ in answer.headers):
        yield ("Content-Length", "0")
    if environ["REQUEST_METHOD"] != "HEAD" and answer.status == 200 and not answer.body:
        yield ("Content-Length", "0")
