"""Pause: while the clock is not trusted nothing is ended, lapsed or forgotten; a new worker knows of it."""

from filsluss.models import Pause

CLOCK = "clock"


def begin(why: str, *, boot_id: str, steady: float) -> None:
    """From now on, `steady` being now; one that was under way begins anew."""
    Pause.objects.update_or_create(
        name=CLOCK, defaults={"why": why[:300], "boot_id": boot_id, "steady": steady}
    )


def current() -> Pause | None:
    return Pause.objects.filter(name=CLOCK).first()


def end(pause: Pause) -> None:
    """This one, and none that has begun meanwhile."""
    Pause.objects.filter(name=CLOCK, boot_id=pause.boot_id, steady=pause.steady).delete()
