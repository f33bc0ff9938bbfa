"""Clock hold: while the clock is not trusted nothing is ended, lapsed or forgotten, also by a new worker."""

from datetime import datetime, timedelta

from filsluss.models import Heartbeat, Pause, Transfer

CLOCK = "clock"
LONG_ABSENCE, MANY_ACCOUNTS = timedelta(days=7), 20


def begin(why: str, *, node: str, boot_id: str, steady: float) -> None:
    """Starts a hold of that node, or starts it anew; `steady` is its monotonic clock in seconds."""
    Pause.objects.update_or_create(
        name=_name(node), defaults={"why": why[:300], "boot_id": boot_id, "steady": steady}
    )


def current(*, node: str) -> Pause | None:
    """The hold that lasts there, also if another worker started it, or a version that knew no nodes."""
    return Pause.objects.filter(name__in=(CLOCK, _name(node))).first()


def _name(node: str) -> str:
    return f"{CLOCK}@{node}" if node else CLOCK


def end(pause: Pause) -> None:
    """Ends this hold, but not one that was started since it was read."""
    Pause.objects.filter(name=pause.name, boot_id=pause.boot_id, steady=pause.steady).delete()


def long_absence(worker: str, *, now: datetime) -> str:
    """Why a starting worker should hold the jobs that end and erase; empty if it need not."""
    last = Heartbeat.objects.filter(name=worker).first()
    due = Transfer.objects.over_at(now).count()
    if last and now - last.at > LONG_ABSENCE and due > MANY_ACCOUNTS:
        return f"no worker has run since {last.at:%Y-%m-%d %H:%M} and {due} accounts would end at once"
    return ""
