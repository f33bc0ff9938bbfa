"""Runs the integrity checks, repairs what can be repaired, and reports the outcome of each finding."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from filsluss import outages
from filsluss.actions import alarms
from filsluss.actions.integrity import letters, rows, storage
from filsluss.actions.integrity.findings import Finding, World
from filsluss.blobs import BlobBusy, StoreAway

log = logging.getLogger(__name__)

CHECKS = (*storage.CHECKS, *rows.CHECKS, *letters.CHECKS)
REPAIRED, FOUND, LEFT = "repaired", "found", "left"


@dataclass(frozen=True)
class ReportLine:
    """A finding, and whether it was repaired, only found (dry run), or left for a person."""

    outcome: str
    finding: Finding

    def __str__(self) -> str:
        return f"{self.outcome:<8} {self.finding}"


def verify_world(world: World) -> list[Finding]:
    """Every violated invariant of rows, blobs and letters; changes nothing."""
    return [finding for check in CHECKS for finding in _findings_of(check, world)]


def _findings_of(check: Callable[[World], Iterator[Finding]], world: World) -> list[Finding]:
    """What one check finds; one that fails is itself a finding, and the others run."""
    try:
        return list(check(world))
    except (*outages.AWAY, StoreAway):
        raise
    except Exception as fault:
        log.exception("the check %s failed", check.__name__)
        return [Finding("I11", f"the check {check.__name__} failed: {type(fault).__name__}")]


def reconcile(world: World, *, dry_run: bool = False) -> list[ReportLine]:
    """Repairs what can be repaired, and checks again to report what became of each finding.

    What follows from a repair (the erasure of a damaged file, letters) is left to the worker's jobs.
    """
    found = verify_world(world)
    if dry_run:
        return [ReportLine(FOUND, finding) for finding in found]
    for finding in found:
        repair(finding)
    left = {str(finding) for finding in verify_world(world)} if found else set()
    lines = [ReportLine(LEFT if str(finding) in left else REPAIRED, finding) for finding in found]
    for line in lines:
        log.log(logging.ERROR if line.outcome is LEFT else logging.WARNING, "reconcile: %s", line)
    raise_if_left(len(left), world=world)
    return lines


def repair(finding: Finding) -> None:
    """Runs the finding's repair, if it has one. A blob that is being written is left alone."""
    try:
        if finding.repair:
            finding.repair()
    except outages.AWAY:
        raise
    except BlobBusy:
        pass
    except Exception:
        log.exception("could not be repaired: %s", finding)


def raise_if_left(left: int, *, world: World) -> None:
    """Raises the alarm for findings that could not be repaired, or clears it."""
    if left:
        alarms.raise_alarm(
            "reconcile", since=world.now, value=str(left), policy=world.services.policy, now=world.now
        )
    else:
        alarms.clear_alarm("reconcile")
