"""How many days an account may last, as choices that each name their last day."""

from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from filsluss.pages import presenters

USUAL_DAYS = (1, 3, 7, 14, 30)


@dataclass(frozen=True)
class DayChoice:
    value: str
    label: str
    is_chosen: bool


def day_choices(*, always: int, chosen: str) -> list[DayChoice]:
    """The usual numbers of days up to the limit, and `always`."""
    policy, now = settings.POLICY, timezone.now()
    offered = {days for days in USUAL_DAYS if days <= policy.max_days} | {always}

    def label(days: int) -> str:
        last = presenters.weekday(policy.last_day(policy.end_of(now, days)))
        number = ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
        return _("%(days)s, until the end of %(date)s") % {"days": number, "date": last.text}

    return [DayChoice(str(days), label(days), chosen == str(days)) for days in sorted(offered)]
