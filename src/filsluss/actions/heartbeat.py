"""Heartbeat: when a part of the service last showed that it runs."""

from datetime import datetime

from filsluss.models import Heartbeat


def record_heartbeat(part: str, *, now: datetime) -> None:
    """A part of the house says that it is at work."""
    Heartbeat.objects.update_or_create(name=part, defaults={"at": now})
