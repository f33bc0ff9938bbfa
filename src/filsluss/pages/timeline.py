"""The timeline of a case, as each party may see it: what has happened, in its order, and what comes next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from filsluss.models import Transfer
from filsluss.models.batches import MOST_NAMES
from filsluss.models.pickup import first_fetch, first_partly
from filsluss.pages import presenters
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import State


@dataclass(frozen=True)
class Mark:
    """One entry: `text`, and then `when` as people read it. `tone` is a CSS class.

    `at` orders what has happened, and is None for what comes.
    """

    name: str
    when: presenters.When | None = None
    text: str = ""
    tone: str = "done"
    at: datetime | None = None


def timeline(transfer: Transfer, role: Role, now: datetime) -> list[Mark]:
    """What has happened, the oldest first, and then what comes."""
    marks = list(marks_of(transfer, role, now))
    happened = sorted((mark for mark in marks if mark.at), key=lambda mark: mark.at or now)
    return [*happened, *(mark for mark in marks if not mark.at)]


def marks_of(transfer: Transfer, role: Role, now: datetime) -> Iterator[Mark]:
    yield happened(_("Requested"), transfer.applied_at)
    yield decided_mark(transfer, now)
    if transfer.open_until is not None:
        yield from file_marks(transfer, role, now)
        yield from end_marks(transfer, now)


def happened(name: str, at: datetime | None, *, text: str = "", tone: str = "done") -> Mark:
    return Mark(name, presenters.moment(at), text, tone, at)


def coming(name: str, text: str = "") -> Mark:
    return Mark(name, text=text, tone="coming")


def decided_mark(transfer: Transfer, now: datetime) -> Mark:
    silent = transfer.state == State.PENDING and not transfer.is_undecided_at(now)
    if silent or transfer.state == State.LAPSED:
        last_day = presenters.last_day(transfer.lapse_by)
        return Mark(_("Not answered in time"), last_day, tone="stopped", at=transfer.lapse_by)
    if transfer.state == State.WITHDRAWN:
        return happened(_("Withdrawn"), transfer.over_at, tone="stopped")
    if transfer.decided_at is None and (listed := presenters.list_at(transfer)):
        return coming(_("Sent to the approver"), _("About %(when)s") % {"when": listed.text})
    if transfer.decided_at is None:
        by = _("By %(date)s at the latest") % {"date": presenters.answer_by(transfer).text}
        return coming(_("Answer"), by if transfer.lapse_by else "")
    if transfer.state != State.REJECTED:
        return happened(_("Approved"), transfer.decided_at)
    name = _("Withdrawn") if transfer.closed_reason else _("Rejected")
    return happened(name, transfer.decided_at, tone="stopped")


def file_marks(transfer: Transfer, role: Role, now: datetime) -> Iterator[Mark]:
    """How many files, never their names: a status link may be known to more people than the files."""
    files = transfer.files.exclude(received_at=None)
    shown = files if role is Role.SENDER else files.exclude(ready_at=None)
    rows = list(shown.prefetch_related("pickups").iterator(chunk_size=MOST_NAMES))
    is_open = transfer.is_open_at(now)
    arrived = [at for at in (row.received_at for row in rows) if at]
    if arrived or is_open:
        yield counted(_("Uploaded"), arrived, len(arrived))
    fetched = [at for at in map(first_fetch, rows) if at]
    if fetched or is_open:
        yield counted(_("Downloaded"), fetched, len(rows))
    partly = [at for at in map(first_partly, rows) if at]
    if role is Role.SENDER and partly:
        yield counted(_("Partly downloaded"), partly, len(rows))


def counted(name: str, times: list[datetime], total: int) -> Mark:
    """How many of how many files, and when the last one."""
    if not times:
        return coming(name, _("No files yet"))
    n = {"n": len(times), "total": total}
    if len(times) < total:
        words = _("%(n)d of %(total)d files, latest") % n
    else:
        words = ngettext("%(n)d file", "%(n)d files, latest", len(times)) % n
    return happened(name, max(times), text=words)


def end_marks(transfer: Transfer, now: datetime) -> Iterator[Mark]:
    """One date for each fact: when the time was up or an administrator acted, and when all was deleted."""
    last_day = presenters.last_day(transfer.open_until)
    if transfer.is_open_at(now):
        text = _("When %(date)s is over") % {"date": last_day.text if last_day else ""}
        yield coming(_("The files are deleted"), text)
        return
    if transfer.closed_reason:
        yield happened(_("Closed by the system administrator"), transfer.ended_at, tone="stopped")
    else:
        yield Mark(_("The time was up"), last_day, at=transfer.open_until)
    if transfer.erased_at is None:
        yield coming(_("The files are being deleted"))
    elif transfer.files.exists():
        yield happened(_("Deleted"), transfer.erased_at)
