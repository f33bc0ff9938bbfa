"""/metrics: the house's figures from its rows, at the scrape, and those of the process that answers."""

import os
from collections.abc import Callable, Iterator
from enum import Enum
from ipaddress import ip_address

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min, Model, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from filsluss.actions.alarms import CHECKS
from filsluss.blobs import open_store
from filsluss.models import Alarm, Heartbeat, Letter, Transfer, TransferFile
from filsluss.models.letter import Delivery
from filsluss.pages.context import client_of
from filsluss.pages.decorators import allow_methods
from filsluss.rules.lifecycle import LIVE_FILE, FileState, State
from filsluss.rules.networks import is_inside_network

PREFIXES = frozenset(
    "upload download zip decide status code oversee static healthz readyz metrics terms help".split()
)
FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
)
Families = Iterator[GaugeMetricFamily]

registry = CollectorRegistry()
requests = Counter(
    "filsluss_requests",
    "Requests answered by this process since it began.",
    ["process", "door", "status"],
    registry=registry,
)
moving = Gauge(
    "filsluss_moving",
    "Bodies and files that are on their way through this process.",
    ["process", "way"],
    registry=registry,
)


def count_request(path: str, status: str) -> None:
    """One answer: through which door, and the first digit of its status; never which link."""
    first = path[1:].partition("/")[0]
    door = first if first in PREFIXES else "apply" if path == "/" else "other"
    requests.labels(str(os.getpid()), door, f"{status[:1]}xx").inc()


open_now: dict[str, Callable[[], int]] = {}
"""Who counts what is moving in this process, by way; the front door says so."""


class RowMetrics(Collector):
    """Read at each scrape, so that every process gives the same answer."""

    def collect(self) -> Families:
        try:
            figures = [*counts(), *ages(), *alarms()]
        except DatabaseError:
            figures = []
        yield from figures
        yield one("filsluss_database_up", "Whether the database answers.", float(bool(figures)))
        free, total = open_store(settings.BLOB_URL).space()
        yield one("filsluss_free_bytes", "What is free where the blobs lie.", free)
        yield one("filsluss_space_bytes", "What there is in all where the blobs lie.", total)


def counts() -> Families:
    yield by(Transfer, "state", State, "filsluss_transfers", "Transfers by state.")
    yield by(TransferFile, "state", FileState, "filsluss_files", "Files by state.")
    yield by(Letter, "delivery", Delivery, "filsluss_letters", "Letters by what became of them.")
    stored = TransferFile.objects.filter(state__in=LIVE_FILE).aggregate(sum=Sum("acknowledged"))["sum"]
    yield one("filsluss_stored_bytes", "Bytes acknowledged and not erased.", stored or 0)


def by(model: type[Model], column: str, names: type[Enum], metric: str, help_text: str) -> GaugeMetricFamily:
    rows = model._default_manager.order_by().values_list(column).annotate(count=Count("pk"))
    found = dict(rows)
    family = GaugeMetricFamily(metric, help_text, labels=[column])
    for name in names:
        family.add_metric([str(name.value)], found.get(name.value, 0))
    return family


def ages() -> Families:
    """In seconds; a thing that has never been has no age."""
    now = timezone.now()
    oldest = Letter.objects.queued().aggregate(at=Min("written_at"))["at"]
    waited = (now - oldest).total_seconds() if oldest else 0.0
    yield one("filsluss_oldest_queued_letter_seconds", "How long the oldest letter has waited.", waited)
    if beat := Heartbeat.objects.filter(name="worker").first():
        age = (now - beat.at).total_seconds()
        yield one("filsluss_worker_heartbeat_age_seconds", "Since the worker was last heard.", age)


def alarms() -> Families:
    raised = set(Alarm.objects.filter(since__isnull=False).values_list("name", flat=True))
    family = GaugeMetricFamily("filsluss_alarm", "1 while something is wrong.", labels=["check"])
    for name in CHECKS:
        family.add_metric([name], name in raised)
    yield family


def one(metric: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric, help_text, value=value)


registry.register(RowMetrics())


@allow_methods("GET")
def metrics(request: HttpRequest) -> HttpResponse:
    """For those who watch over the house; whoever else asks hears that there is no such page."""
    if not may_read_metrics(request):
        raise Http404
    for way, count in open_now.items():
        moving.labels(str(os.getpid()), way).set(count())
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(generate_latest(registry), CONTENT_TYPE_LATEST, headers=headers)


def may_read_metrics(request: HttpRequest) -> bool:
    """This machine itself, if nobody stands behind it, and the networks of the setting."""
    if is_loopback(request.META.get("REMOTE_ADDR", "")) and not any(
        name in request.META for name in FORWARDED
    ):
        return True
    return is_inside_network(client_of(request), networks=settings.METRICS_NETWORKS)


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
