"""Alarms: conditions that administrators are told of when they begin, and each day while they last."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, Sum

from filsluss.actions import nodes, room, scan
from filsluss.actions.heartbeat import TWO_PERSONS, UNNAMED_PROXY
from filsluss.actions.persons import PERSONS
from filsluss.identity.failures import ProviderAway
from filsluss.installation import Services
from filsluss.letters import notices
from filsluss.letters.each_row import any_failed, each_row
from filsluss.models import Alarm, Heartbeat, Letter, SecurityEvent, TransferFile
from filsluss.models.connections import let_go
from filsluss.models.letter import Delivery
from filsluss.rules.formats import size_text
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import FileState, State
from filsluss.rules.security_events import Kind, Outcome
from filsluss.rules.smtp_answers import Failure
from filsluss.scanners.clamd import Clamd, NotScanned

log = logging.getLogger(__name__)

CHECKS = (
    "scanner",
    "unscanned",
    "disk",
    "letters",
    "given-up",
    "clock",
    "jobs",
    "reconcile",
    "sign-ins",
    "proxy",
    "provider",
    "persons",
    "nodes",
)
LATE_LETTER_AGE, PROXY_AGE = timedelta(minutes=15), timedelta(minutes=15)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MANY_FAILED_SIGN_INS = 30
"""Wrong passwords in an hour, of all accounts and networks, and tries that were refused."""

raise_alarm = notices.raise_alarm


def check_all(*, services: Services, clock_trouble: str, now: datetime) -> int:
    """Runs every check; returns 0, so that the job pauses for its interval."""
    checks: dict[str, Callable[[], None]] = {
        "scanner": lambda: check_scanner(services.scanner, services=services, now=now),
        "unscanned": lambda: check_unscanned(services=services, now=now),
        "disk": lambda: check_disk(services=services, now=now),
        "letters": lambda: check_letters(services=services, now=now),
        "sign-ins": lambda: check_sign_ins(services=services, now=now),
        "proxy": lambda: check_proxy(services=services, now=now),
        "provider": lambda: check_provider(services=services, now=now),
        "persons": lambda: check_persons(now=now),
        "nodes": lambda: check_nodes(services=services, now=now),
        "clock": lambda: check_clock(clock_trouble, services=services, now=now),
    }
    each_row("check alarms", checks, lambda name: checks[name]() or 0, policy=services.policy, now=now)
    if not any_failed():
        clear_alarm("jobs")
    return 0


def check_clock(trouble: str, *, services: Services, now: datetime) -> None:
    if trouble:
        raise_alarm("clock", since=now, value=trouble, policy=services.policy, now=now)
    else:
        clear_alarm("clock")


def check_scanner(scanner: Clamd | None, *, services: Services, now: datetime) -> None:
    trouble = scanner_trouble(scanner) if scanner else ""
    if trouble:
        raise_alarm("scanner", since=now, value=trouble, policy=services.policy, now=now)
    elif clear_alarm("scanner"):
        scan.rescan_now(now=now)


def scanner_trouble(scanner: Clamd) -> str:
    """Why its results cannot be trusted; empty if they can."""
    try:
        if scanner.reports_exceeded_limits():
            return ""
    except NotScanned as fault:
        return str(fault)
    return "clamd reports files over its limits as clean: set AlertExceedsMax yes in clamd.conf"


def check_unscanned(*, services: Services, now: datetime) -> None:
    unscanned = TransferFile.objects.filter(state=FileState.UNSCANNED, transfer__state=State.OPEN)
    found = unscanned.aggregate(count=Count("pk"), since=Min("received_at"))
    if found["count"]:
        raise_alarm(
            "unscanned",
            since=found["since"] or now,
            value=str(found["count"]),
            policy=services.policy,
            now=now,
        )
    else:
        clear_alarm("unscanned")


def check_disk(*, services: Services, now: datetime) -> None:
    disk = room.look_at_disk(services=services)
    if disk.left < 0 or not room.reserve_is_laid():
        sizes = {
            "value": size_text(disk.free, services.policy.language),
            "limit": size_text(disk.kept_free, services.policy.language),
        }
        raise_alarm("disk", since=now, policy=services.policy, now=now, **sizes)
    else:
        clear_alarm("disk")


def check_letters(*, services: Services, now: datetime) -> None:
    """Without letters about alarms: one that cannot be delivered must not raise another alarm."""
    letters = Letter.objects.exclude(kind=LetterKind.ALARM)
    is_late = Q(written_at__lte=now - LATE_LETTER_AGE)
    late, queued = letters.queued().filter(is_late), letters.queued().filter(is_late | Q(failure=Failure.US))
    given_up = letters.filter(delivery=Delivery.GIVEN_UP, given_up_at__gt=now - DAY, again=None)
    for name, rows, since, limit in (
        ("letters", queued, "written_at", "15 min" if late.exists() else ""),
        ("given-up", given_up, "given_up_at", ""),
    ):
        found = rows.aggregate(count=Count("pk"), since=Min(since))
        if found["count"]:
            value = str(found["count"])
            raise_alarm(name, since=found["since"], value=value, limit=limit, policy=services.policy, now=now)
        else:
            clear_alarm(name)


def check_sign_ins(*, services: Services, now: datetime) -> None:
    failed = SecurityEvent.objects.filter(
        kind=Kind.SIGN_IN, outcome__in=(Outcome.WRONG, Outcome.LIMITED), at__gt=now - HOUR
    ).aggregate(sum=Sum("count"), since=Min("at"))
    if (failed["sum"] or 0) >= MANY_FAILED_SIGN_INS:
        values = {"value": str(failed["sum"]), "limit": str(MANY_FAILED_SIGN_INS)}
        raise_alarm("sign-ins", since=failed["since"], policy=services.policy, now=now, **values)
    else:
        clear_alarm("sign-ins")


def check_proxy(*, services: Services, now: datetime) -> None:
    """Whether requests came through a proxy that is not named, within the last quarter of an hour."""
    if Heartbeat.objects.filter(name=UNNAMED_PROXY, at__gt=now - PROXY_AGE).exists():
        raise_alarm("proxy", since=now, policy=services.policy, now=now)
    else:
        clear_alarm("proxy")


def check_provider(*, services: Services, now: datetime) -> None:
    """Whether the sign-in provider answers, and has keys."""
    trouble = ""
    if services.provider:
        let_go()
        try:
            services.provider.look()
        except ProviderAway as fault:
            trouble = str(fault)
    if trouble:
        raise_alarm("provider", since=now, value=trouble, policy=services.policy, now=now)
    else:
        clear_alarm("provider")


def check_persons(*, now: datetime) -> None:
    """The alarm is raised by the sign-in that was refused, and lasts a day after the last of them."""
    if not Heartbeat.objects.filter(name=TWO_PERSONS, at__gt=now - DAY).exists():
        clear_alarm(PERSONS)


def check_nodes(*, services: Services, now: datetime) -> None:
    """Whether every part that runs somewhere is heard of, and all have the same settings."""
    nodes.forget_lost(now=now)
    if found := nodes.troubles(is_store_shared=services.store.is_shared, now=now):
        raise_alarm("nodes", since=now, value="; ".join(found)[:300], policy=services.policy, now=now)
    else:
        clear_alarm("nodes")


def clear_alarm(name: str) -> bool:
    """Records that the condition no longer holds, and forgets what was said of it; True if it did before."""
    raised = Alarm.objects.filter(name=name, since__isnull=False)
    # A SELECT first, because it takes no lock: every check runs each minute.
    cleared = raised.exists() and raised.update(since=None, is_told=False, value="", limit="")
    if cleared:
        log.info("alarm over: %s", name)
    return bool(cleared)


def active_alarms() -> list[Alarm]:
    """The alarms that are raised now, the oldest first."""
    return list(Alarm.objects.filter(since__isnull=False).order_by("since", "name"))
