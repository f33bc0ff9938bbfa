"""Heartbeats: the time at which a part of the service last ran."""

from datetime import datetime

from filsluss.models import Heartbeat

UNNAMED_PROXY = "unnamed-proxy"
"""The last request that came through a proxy which FILSLUSS_TRUSTED_PROXIES does not name."""
TWO_PERSONS = "two-persons"
"""The last sign-in of somebody whose address another person has."""


def record_heartbeat(part: str, *, now: datetime) -> None:
    """Stores `now` as the last time at which that part, such as the worker, ran."""
    Heartbeat.objects.update_or_create(name=part, defaults={"at": now})
