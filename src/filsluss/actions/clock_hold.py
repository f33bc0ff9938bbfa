"""Clock hold: while the clock is not trusted nothing is ended, lapsed or forgotten, also by a new worker."""

from filsluss.models import Pause

CLOCK = "clock"


def begin(why: str, *, boot_id: str, steady: float) -> None:
    """Starts a hold, or starts the current one anew; `steady` is the monotonic clock in seconds."""
    Pause.objects.update_or_create(
        name=CLOCK, defaults={"why": why[:300], "boot_id": boot_id, "steady": steady}
    )


def current() -> Pause | None:
    """The hold that lasts, also if another worker started it."""
    return Pause.objects.filter(name=CLOCK).first()


def end(pause: Pause) -> None:
    """Ends this hold, but not one that was started since it was read."""
    Pause.objects.filter(name=CLOCK, boot_id=pause.boot_id, steady=pause.steady).delete()
