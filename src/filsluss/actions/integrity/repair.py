"""Reconcile: store and database are compared both ways; what does not fit is said, and mended."""

import contextlib
import logging
from dataclasses import dataclass

from filsluss.actions import alarms
from filsluss.actions.integrity import rows, storage
from filsluss.actions.integrity.findings import Finding, World
from filsluss.blobs import BlobBusy

log = logging.getLogger(__name__)

REPAIRED, FOUND, LEFT = "mended", "found", "left"


@dataclass(frozen=True)
class ReportLine:
    """What was found, and whether it was mended, only found (dry run), or is left for a person."""

    outcome: str
    finding: Finding

    def __str__(self) -> str:
        return f"{self.outcome:<6} {self.finding}"


def verify_world(world: World) -> list[Finding]:
    """Every invariant of the rows and blobs that does not hold; nothing is changed."""
    return [
        finding for check in (*storage.CHECKS, *rows.CHECKS) for finding in check(world)
    ]  # fmt: skip


def reconcile(world: World, *, dry_run: bool = False) -> list[ReportLine]:
    """Mends what can be mended; a second look says what became of each finding.

    A mended file leads on to others (its erasure, its letters), which the worker does as always.
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
    """As far as anybody knows how; what somebody is writing to just now is left."""
    with contextlib.suppress(BlobBusy):
        if finding.mend:
            finding.mend()


def raise_if_left(left: int, *, world: World) -> None:
    """The administrators hear of what takes a person."""
    if left:
        alarms.raise_alarm("reconcile", since=world.now, value=str(left), policy=world.policy, now=world.now)
    else:
        alarms.clear_alarm("reconcile")
