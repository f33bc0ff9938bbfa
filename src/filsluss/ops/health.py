"""/healthz and /readyz: whether the web process runs, and whether the service can do its work."""

from datetime import timedelta

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from filsluss.actions import room
from filsluss.installation import current_services
from filsluss.models import Heartbeat
from filsluss.ops.metrics import may_read_metrics
from filsluss.pages.decorators import allow_methods
from filsluss.postgresql.sessions import takes_writes

WORKER = "worker"
HEARTBEAT_AGE = timedelta(seconds=60)


@allow_methods("GET")
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 -- Django calls it so
    return HttpResponse("ok\n", "text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@allow_methods("GET")
def readyz(request: HttpRequest) -> JsonResponse:
    """Status 200 or 503; "ok" or "failing" for each part only to those who may read the metrics.

    A sign-in provider that does not answer makes the whole "degraded": everything else goes on.
    """
    database = database_answers()
    parts = {
        "database": database,
        "store": current_services().store.answers(),
        "disk": disk_has_room(),
        "worker": database and worker_is_alive(),
    }
    state = {name: "ok" if works else "failing" for name, works in parts.items()}
    ready = all(parts.values())
    if (provider := current_services().provider) and ready:
        state["sign-in"] = "degraded" if provider.is_away else "ok"
    status = "failing" if not ready else "degraded" if "degraded" in state.values() else "ok"
    body = {"status": status, **(state if may_read_metrics(request) else {})}
    return JsonResponse(body, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


def database_answers() -> bool:
    """Whether it can be read and, where that is another server's, written to."""
    try:
        Heartbeat.objects.exists()
        return connection.vendor != "postgresql" or takes_writes()
    except DatabaseError:
        return False


def disk_has_room() -> bool:
    """Whether as much is free as FILSLUSS_FREE_SPACE asks for, and the reserve; else uploads are refused."""
    disk = room.look_at_disk(services=current_services())
    return disk.left > 0 and room.reserve_is_laid()


def worker_is_alive() -> bool:
    heartbeat = Heartbeat.objects.filter(name=WORKER).first()
    return heartbeat is not None and timezone.now() - heartbeat.at < HEARTBEAT_AGE
