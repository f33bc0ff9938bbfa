"""/healthz and /readyz: whether the service is alive, and whether it can do its work now."""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from filsluss.blobs import open_store
from filsluss.models import Heartbeat
from filsluss.pages.decorators import allow_methods

WORKER = "worker"
HEARTBEAT_AGE = timedelta(seconds=60)


@allow_methods("GET")
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", "text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@allow_methods("GET")
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
