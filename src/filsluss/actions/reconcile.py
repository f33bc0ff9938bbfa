"""Reconcile: store and database are compared both ways; what does not fit is said, and mended."""

import contextlib
import logging
from dataclasses import dataclass

from filsluss.actions import alarm, world_rows, world_store
from filsluss.actions.world import Finding, World
from filsluss.blobs import BlobBusy

log = logging.getLogger(__name__)

MENDED, FOUND, LEFT = "mended", "found", "left"


@dataclass(frozen=True)
class Line:
    """What was found, and whether it was mended, only found (dry run), or is left for a person."""

    outcome: str
    finding: Finding

    def __str__(self) -> str:
        return f"{self.outcome:<6} {self.finding}"


def verify_world(world: World) -> list[Finding]:
    """Every invariant of the rows and blobs that does not hold; nothing is changed."""
    return [
        finding for check in (*world_store.CHECKS, *world_rows.CHECKS) for finding in check(world)
    ]  # fmt: skip


def reconcile(world: World, *, dry_run: bool = False) -> list[Line]:
    """Mends what can be mended; a second look says what became of each finding.

    A mended file leads on to others (its erasure, its letters), which the worker does as always.
    """
    found = verify_world(world)
    if dry_run:
        return [Line(FOUND, finding) for finding in found]
    for finding in found:
        mend(finding)
    left = {str(finding) for finding in verify_world(world)} if found else set()
    lines = [Line(LEFT if str(finding) in left else MENDED, finding) for finding in found]
    for line in lines:
        log.log(logging.ERROR if line.outcome is LEFT else logging.WARNING, "reconcile: %s", line)
    tell(len(left), world=world)
    return lines


def mend(finding: Finding) -> None:
    """As far as anybody knows how; what somebody is writing to just now is left."""
    with contextlib.suppress(BlobBusy):
        if finding.mend:
            finding.mend()


def tell(left: int, *, world: World) -> None:
    """The administrators hear of what takes a person."""
    if left:
        alarm.sound("reconcile", since=world.now, value=str(left), policy=world.policy, now=world.now)
    else:
        alarm.settle("reconcile")
