"""The status page of a case, as each party may see it: what has happened and what comes next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from filsluss.models import Letter, Party, Transfer
from filsluss.models.batches import MOST_NAMES
from filsluss.models.letter import Delivery, list_closes_at
from filsluss.models.link import STATUS_PURPOSE
from filsluss.models.pickup import first_fetch, first_partly
from filsluss.pages import presenters
from filsluss.pages.context import use_language
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.links import link_behind, report_page
from filsluss.pages.own_letters import own_letters
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import ASKING, READY_KINDS
from filsluss.rules.lifecycle import State
from filsluss.rules.paths import STATUS
from filsluss.rules.suggestions import suggested_address


@dataclass(frozen=True)
class Mark:
    """One entry of the timeline; `when` is None until it has happened. `tone` is a CSS class."""

    name: str
    when: presenters.When | None
    text: str = ""
    tone: str = "done"


@allow_methods("GET")
@private_page
def status(request: HttpRequest, token: str) -> HttpResponse:
    transfer, party = case_behind(token)
    role = Role(party.role)
    use_language(request, party.language)
    now = timezone.now()
    heading, next_step = standing(transfer, role, now)
    page = {
        "transfer": transfer,
        "sender_name": presenters.sender_name(transfer),
        "role": role.value,
        "heading": heading,
        "next_step": next_step,
        "report": report_page(party),
        **(own_values(request, token, transfer, now) if role is Role.SENDER else {}),
        "lost_letter": lost_letter_words(transfer, now) if role is Role.SENDER else "",
        "marks": list(timeline(transfer, role, now)),
        "next_letter": transfer.is_undecided_at(now) or transfer.is_open_at(now),
    }
    return render(request, "pages/status.html", page)


def own_values(request: HttpRequest, token: str, transfer: Transfer, now: datetime) -> dict[str, Any]:
    """What only the sender sees: what they typed, what they can do, and what they have just done."""
    undecided = transfer.is_undecided_at(now)
    lives = undecided or transfer.is_open_at(now)
    addresses = (transfer.recipient.address, transfer.sender.address, transfer.address_of(Role.APPROVER))
    inside = settings.POLICY.inside_domains
    meant = (suggested_address(address, inside_domains=inside) for address in addresses if address)
    letters = list(own_letters(transfer)) if lives else []
    return {
        "own_page": STATUS.path(token),
        "may_correct": undecided,
        "meant": [address for address in meant if address] if lives else [],
        "letters": letters,
        "may_resend": any(letter.may_send for letter in letters),
        "done": done_words(request.GET.get("done", ""), transfer),
    }


def done_words(done: str, transfer: Transfer) -> str:
    """What the page says first after the sender has done something; empty if that is not true (any more)."""
    words = {
        "sent-again": _("The email is being sent again."),
        "not-sure": _("Nothing has been changed. Tick the box if you want to withdraw the request."),
        "not-chosen": _("Nothing has been sent. Tick the email that you want to send again."),
        "not-sent": _("The email was not sent again: it has been sent several times, or is out of date."),
    }
    if transfer.state != State.WITHDRAWN:
        words["not-withdrawn"] = _("The request was not withdrawn: it has already been answered.")
    return words.get(done, "")


def case_behind(token: str) -> tuple[Transfer, Party]:
    """The case of that status link, and whose link it is; raises Http404 or LinkRevoked."""
    link = link_behind(token, *STATUS_PURPOSE.values())
    return link.transfer, link.party


def standing(transfer: Transfer, role: Role, now: datetime) -> tuple[str, str]:
    """Heading and text: the state of the case, and what this party can expect or do."""
    if transfer.is_undecided_at(now):
        return waiting(transfer, role, now)
    if transfer.is_open_at(now):
        return opened(transfer, role)
    match transfer.state:
        case State.REJECTED:
            return rejected(transfer, role)
        case State.PENDING | State.LAPSED:
            text = _("Nobody answered by %(date)s.") % {"date": presenters.answer_by(transfer).text}
            more = " " + _("You can make a new request.") if role is Role.SENDER else ""
            return _("The request has been closed"), text + more
        case State.WITHDRAWN:
            return taken_back(role)
        case State.CLOSED:
            return _("The account has ended"), _("The files have been deleted.")
    return _("The account has ended"), _("The files are being deleted. You get an email when it is done.")


def lost_letter_words(transfer: Transfer, now: datetime) -> str:
    """That a letter which somebody waits for was not delivered, but not why; empty if every one was.

    A sender without a proof is told so on this page only: a letter would go to an address that may be
    somebody else's, and the mail server's answer says which mailboxes exist.
    """
    if transfer.is_open_at(now):
        kinds, words = READY_KINDS, _("An email to the recipient was not delivered.")
    elif transfer.open_until is None and transfer.state in (State.PENDING, State.LAPSED):
        kinds, words = ASKING, _("The email to the approver was not delivered.")
    else:
        return ""
    letters = Letter.objects.about(transfer).filter(kind__in=kinds)
    lost = letters.filter(delivery=Delivery.GIVEN_UP).exclude(again__delivery=Delivery.SENT)
    was_asked = kinds is ASKING and letters.filter(delivery=Delivery.SENT).exists()
    if was_asked or not lost.exists():
        return ""
    return f"{words} {_('Check the address, and make a new request if it is wrong.')}"


def waiting(transfer: Transfer, role: Role, now: datetime) -> tuple[str, str]:
    if transfer.lapse_by is None:
        return waiting_for_list(transfer, role, now)
    by = {"date": presenters.answer_by(transfer).text}
    if role is Role.SENDER:
        text = _(
            "We have sent your request to the approver. You will get an email when it has been approved or "
            "rejected. If nobody answers by %(date)s, the case is closed."
        )
        return _("Your request has been sent"), text % by
    if role is Role.APPROVER or transfer.address_of(Role.APPROVER) == transfer.recipient.address:
        text = _("Open the link in the email to approve or reject the request by %(date)s.")
        return _("The request is waiting for your answer"), text % by
    return _("The request is waiting for an answer"), _("You will get an email for each file.")


def waiting_for_list(transfer: Transfer, role: Role, now: datetime) -> tuple[str, str]:
    """The approver has not been asked yet."""
    if role is not Role.SENDER:
        return _("The request is waiting for an answer"), _("You will get an email for each file.")
    text = _(
        "The approver has many requests to answer. Yours is therefore sent in a list, %(when)s. "
        "You will get an email when it has been approved or rejected."
    )
    at = list_closes_at(transfer) or now
    return _("Your request is waiting to be sent"), text % {"when": presenters.wait(at, now)}


def opened(transfer: Transfer, role: Role) -> tuple[str, str]:
    through = {"date": until.text if (until := presenters.last_day(transfer.open_until)) else ""}
    if role is Role.APPROVER:
        text = _(
            "You approved it. The sender has been sent an email and can upload files "
            "until the end of %(date)s. You do not need to do anything else."
        )
        return _("The request is approved"), text % through
    if role is Role.SENDER:
        text = _("Open the link in the email to upload files. You can do so until the end of %(date)s.")
        return _("The request is approved"), text % through
    text = _("You will get an email for each file. The files can be downloaded until the end of %(date)s.")
    return _("The sender can upload files"), text % through


def rejected(transfer: Transfer, role: Role) -> tuple[str, str]:
    if transfer.closed_reason:
        return _("The request has been withdrawn"), _("The system administrator has withdrawn it.")
    if role is Role.APPROVER:
        return _("The request is rejected"), _("The sender has been sent an email with your explanation.")
    if role is Role.SENDER:
        return _("The request is rejected"), _("The reason is in the email we have sent you.")
    return _("The request is rejected"), _("You do not need to do anything.")


def taken_back(role: Role) -> tuple[str, str]:
    if role is Role.SENDER:
        return _("You have withdrawn the request"), _("You can make a new request.")
    return _("The request has been withdrawn"), _(
        "The sender has withdrawn it. You do not need to do anything."
    )


def timeline(transfer: Transfer, role: Role, now: datetime) -> Iterator[Mark]:
    yield Mark(_("Requested"), presenters.moment(transfer.applied_at))
    yield decided_mark(transfer, now)
    if transfer.open_until is None:
        return
    yield from file_marks(transfer, role)
    yield end_mark(transfer, now)


def decided_mark(transfer: Transfer, now: datetime) -> Mark:
    when = presenters.moment(transfer.decided_at)
    silent = transfer.state == State.PENDING and not transfer.is_undecided_at(now)
    if silent or transfer.state == State.LAPSED:
        return Mark(_("Not answered in time"), presenters.moment(transfer.lapse_by), tone="stopped")
    if transfer.state == State.WITHDRAWN:
        return Mark(_("Withdrawn"), presenters.moment(transfer.over_at), tone="stopped")
    if when is None and (listed := presenters.list_at(transfer)):
        return Mark(_("Sent to the approver"), None, _("About %(when)s") % {"when": listed.text}, "coming")
    if when is None:
        by = _("By %(date)s at the latest") % {"date": presenters.answer_by(transfer).text}
        return Mark(_("Answer"), None, by if transfer.lapse_by else "", "coming")
    if transfer.state != State.REJECTED:
        return Mark(_("Approved"), when)
    return Mark(_("Withdrawn") if transfer.closed_reason else _("Rejected"), when, tone="stopped")


def file_marks(transfer: Transfer, role: Role) -> Iterator[Mark]:
    """How many files, never their names: a status link may be known to more people than the files."""
    files = transfer.files.exclude(received_at=None)
    shown = files if role is Role.SENDER else files.exclude(ready_at=None)
    arrived = sorted(at for at in shown.values_list("received_at", flat=True) if at)
    rows = list(shown.prefetch_related("pickups").iterator(chunk_size=MOST_NAMES))
    fetched = sorted(filter(None, map(first_fetch, rows)))
    yield counted(_("Uploaded"), arrived)
    yield counted(_("Downloaded"), fetched)
    partly = sorted(filter(None, map(first_partly, rows)))
    if role is Role.SENDER and partly:
        yield counted(_("Partly downloaded"), partly)


def counted(name: str, times: list[datetime]) -> Mark:
    if not times:
        return Mark(name, None, _("No files yet"), "coming")
    many = ngettext("%(n)d file", "%(n)d files", len(times)) % {"n": len(times)}
    return Mark(name, presenters.moment(times[-1]), many)


def end_mark(transfer: Transfer, now: datetime) -> Mark:
    if transfer.erased_at:
        return Mark(_("Deleted"), presenters.moment(transfer.erased_at))
    assert transfer.open_until is not None
    if transfer.is_open_at(now):
        left = settings.POLICY.last_day(transfer.open_until)
        text = _("When %(date)s is over") % {"date": presenters.day(left).text}
        return Mark(_("The files are deleted"), None, text, "coming")
    return Mark(_("The files are being deleted"), None, tone="coming")
