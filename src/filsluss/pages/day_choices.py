"""How many days an account may last, as choices that each name their last day."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from filsluss.models import Transfer
from filsluss.pages import presenters

USUAL_DAYS = (1, 3, 7, 14, 30)


@dataclass(frozen=True)
class DayChoice:
    value: str
    label: str
    is_chosen: bool


def later_days(transfer: Transfer, most: int, *, chosen: str) -> list[DayChoice]:
    """The usual numbers of days by which an account can be extended, and the greatest."""
    policy, until = settings.POLICY, transfer.open_until
    offered = {days for days in USUAL_DAYS if days <= most} | ({most} if most else set())
    return [
        DayChoice(str(days), _days_until(days, policy.later_end(until, days)), chosen == str(days))
        for days in sorted(offered)
        if until
    ]


def _days_until(days: int, until: datetime) -> str:
    last = presenters.weekday(settings.POLICY.last_day(until))
    number = ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
    return _("%(days)s, until the end of %(date)s") % {"days": number, "date": last.text}


def day_choices(*, always: int, chosen: str) -> list[DayChoice]:
    """The usual numbers of days up to the limit, and `always`."""
    policy, now = settings.POLICY, timezone.now()
    offered = {days for days in USUAL_DAYS if days <= policy.max_days} | {always}
    return [
        DayChoice(str(days), _days_until(days, policy.end_of(now, days)), chosen == str(days))
        for days in sorted(offered)
    ]
