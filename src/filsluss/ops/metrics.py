"""/metrics for Prometheus: figures of the rows, read at each scrape, and of the process that answers."""

import os
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache
from ipaddress import ip_address

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Min, Model, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from filsluss.actions import room
from filsluss.actions.alarms import CHECKS
from filsluss.installation import current_services, is_in_bucket
from filsluss.models import Alarm, Heartbeat, Letter, Node, Transfer, TransferFile
from filsluss.models.letter import Delivery
from filsluss.ops.paced import Paced
from filsluss.pages.context import client_of
from filsluss.pages.decorators import allow_methods
from filsluss.rules.lifecycle import KEPT_FILE, FileState, State
from filsluss.rules.networks import FORWARDED_FOR, has_other_forwarding, is_inside_network
from filsluss.rules.paths import prefix_of
from filsluss.version import program_version

Families = Iterator[GaugeMetricFamily]

registry = CollectorRegistry()
requests = Counter(
    "filsluss_requests",
    "Requests answered by this process since it started.",
    ["process", "path", "status"],
    registry=registry,
)
moving = Gauge(
    "filsluss_moving",
    "Request bodies being received and files being sent by this process.",
    ["process", "way"],
    registry=registry,
)


def count_request(path: str, status: str) -> None:
    """Counts a response by the path's first segment and the status class; the label never holds a token."""
    prefix = prefix_of(path)
    label = (prefix.name or "apply") if prefix else "other"
    requests_of(os.getpid(), label, status[:1]).inc()


@cache
def requests_of(pid: int, label: str, status_class: str) -> Counter:
    """The counter of these labels."""
    return requests.labels(str(pid), label, f"{status_class}xx")


transfer_counters: dict[str, Callable[[], int]] = {}
"""How many bodies ("in") and files ("out") are moving in this process; set by filsluss.wsgi."""


class RowMetrics(Collector):
    """Reads the rows at each scrape, so that every process answers the same."""

    def collect(self) -> Families:
        try:
            figures = [*counted.figures(), *ages(), *node_ages(), *alarms()]
        except DatabaseError:
            figures = []
        yield from figures
        build = GaugeMetricFamily("filsluss_build_info", "Always 1.", labels=["version", "database", "node"])
        build.add_metric([program_version(), connection.vendor, settings.NODE], 1)
        yield build
        yield gauge("filsluss_database_up", "Whether the database answers.", float(bool(figures)))
        if is_in_bucket():
            return  # which tells of no limit
        free, total = current_services().store.space()
        yield gauge("filsluss_free_bytes", "Free bytes on the blob store's file system.", free)
        yield gauge("filsluss_space_bytes", "Size of the blob store's file system in bytes.", total)


def counts() -> Families:
    yield count_by(Transfer, "state", State, "filsluss_transfers", "Transfers by state.")
    yield count_by(TransferFile, "state", FileState, "filsluss_files", "Files by state.")
    yield count_by(Letter, "delivery", Delivery, "filsluss_letters", "Letters by delivery state.")
    stored = TransferFile.objects.filter(state__in=KEPT_FILE).aggregate(sum=Sum("acknowledged"))["sum"]
    yield gauge("filsluss_stored_bytes", "Bytes acknowledged and not erased.", stored or 0)


def count_by(
    model: type[Model], column: str, states: type[Enum], metric: str, help_text: str
) -> GaugeMetricFamily:
    """Rows by the value of a column; a value without rows counts 0."""
    rows = model._default_manager.order_by().values_list(column).annotate(count=Count("pk"))
    counts = dict(rows)
    family = GaugeMetricFamily(metric, help_text, labels=[column])
    for state in states:
        family.add_metric([str(state.value)], counts.get(state.value, 0))
    return family


def ages() -> Families:
    """Ages in seconds; the heartbeat's is left out while there has been none."""
    now = timezone.now()
    oldest = Letter.objects.queued().aggregate(at=Min("written_at"))["at"]
    waited = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    yield gauge("filsluss_oldest_queued_letter_seconds", "Age of the oldest queued letter.", waited)
    if heartbeat := Heartbeat.objects.filter(name="worker").first():
        age = (now - heartbeat.at).total_seconds()
        yield gauge("filsluss_worker_heartbeat_age_seconds", "Time since the worker's last heartbeat.", age)


def node_ages() -> Families:
    """Of each part on each node that has not ended in order."""
    family = GaugeMetricFamily(
        "filsluss_node_heartbeat_age_seconds",
        "Time since a part on a node was last heard of.",
        labels=["part", "node"],
    )
    now = timezone.now()
    for node in Node.objects.order_by("key"):
        family.add_metric([node.part, node.name], (now - node.at).total_seconds())
    yield family


def alarms() -> Families:
    raised = set(Alarm.objects.filter(since__isnull=False).values_list("name", flat=True))
    family = GaugeMetricFamily("filsluss_alarm", "1 while the check's alarm is raised.", labels=["check"])
    for name in CHECKS:
        family.add_metric([name], name in raised)
    yield family


def promised() -> Families:
    services = current_services()
    disk = room.look_at_disk(services=services)
    value = room.outstanding(disk.free, services=services, now=timezone.now())
    yield gauge("filsluss_promised_bytes", "Free bytes that uploads under way are going to take.", value)


def gauge(metric: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric, help_text, value=value)


counted = Paced(lambda: [*counts(), *promised()])
registry.register(RowMetrics())


@allow_methods("GET")
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus's text format; 404 for a client that may not read it."""
    if not may_read_metrics(request):
        raise Http404
    for way, count in transfer_counters.items():
        moving.labels(str(os.getpid()), way).set(count())
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(generate_latest(registry), CONTENT_TYPE_LATEST, headers=headers)


def may_read_metrics(request: HttpRequest) -> bool:
    """Clients on this host that no proxy speaks for, and those in FILSLUSS_METRICS_NETWORKS."""
    is_proxied = FORWARDED_FOR in request.META or has_other_forwarding(request.META)
    if is_loopback(request.META.get("REMOTE_ADDR", "")) and not is_proxied:
        return True
    return is_inside_network(client_of(request), networks=settings.METRICS_NETWORKS)


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
