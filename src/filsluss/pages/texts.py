"""Pages that only tell: rules, help, personal data, accessibility; and the two that machines ask."""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from filsluss.blobs import open_store
from filsluss.models import Heartbeat
from filsluss.pages import sight
from filsluss.pages.dress import piece_at, worn
from filsluss.pages.manners import View, takes
from filsluss.rules.application import TERMS_DATE, TERMS_VERSION

KINDS = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml", "png": "image/png"}
FOR_EVER = "public, max-age=31536000, immutable"
ALONE = "default-src 'none'; sandbox"
"""An SVG is a whole document to whoever opens it by itself: there it may do nothing."""
WORKER = "worker"
HEARTBEAT_AGE = timedelta(seconds=60)


def text_page(name: str) -> View:
    @takes("GET")
    def show(request: HttpRequest) -> HttpResponse:
        response = render(request, f"pages/{name}.html")
        response.headers["Cache-Control"] = "no-cache"
        return response

    return show


privacy, help_page = text_page("privacy"), text_page("help")


@takes("GET")
def terms(request: HttpRequest) -> HttpResponse:
    page = {"terms_version": TERMS_VERSION, "terms_date": sight.day(TERMS_DATE)}
    response = render(request, "pages/terms.html", page)
    response.headers["Cache-Control"] = "no-cache"
    return response


@takes("GET")
def mark(request: HttpRequest) -> HttpResponse:
    """For browsers that ask for an icon without having read a page."""
    return HttpResponseRedirect(worn().mark)


@takes("GET")
def dress_piece(request: HttpRequest, name: str) -> HttpResponse:
    """A part of the organisation's own dress, kept for ever by whoever asks; 404 once it is not worn."""
    piece = piece_at(f"/{name}")
    if piece is None:
        raise Http404
    headers = {"Cache-Control": FOR_EVER, "Content-Security-Policy": ALONE}
    return HttpResponse(piece.content, KINDS[piece.kind], headers=headers)


@takes("GET")
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", "text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@takes("GET")
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether the house can do its work now; what is wrong is named by part, without details."""
    alive = database_answers()
    parts = {
        "database": alive,
        "store": store_is_writable(),
        "disk": disk_has_room(),
        "worker": alive and worker_is_alive(),
    }
    state = {name: "ok" if good else "failing" for name, good in parts.items()}
    ready = all(parts.values())
    body = {"status": "ok" if ready else "failing", **state}
    return JsonResponse(body, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


def database_answers() -> bool:
    try:
        Heartbeat.objects.exists()
    except DatabaseError:
        return False
    return True


def store_is_writable() -> bool:
    """The folder of the blobs; before the first file has come, the folder it will be made in."""
    folder = Path(unquote(urlsplit(settings.BLOB_URL).path))
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def disk_has_room() -> bool:
    """Below this, uploads are refused."""
    free, total = open_store(settings.BLOB_URL).space()
    return free >= total * settings.POLICY.free_space_percent / 100


def worker_is_alive() -> bool:
    beat = Heartbeat.objects.filter(name=WORKER).first()
    return beat is not None and timezone.now() - beat.at < HEARTBEAT_AGE
