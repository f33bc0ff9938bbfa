"""The status page of a case, as each party may see it: what has happened and what comes next."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from filsluss.actions.consequences import of_taking_back
from filsluss.models import Letter, Party, Transfer
from filsluss.models.letter import Delivery, list_closes_at
from filsluss.models.link import STATUS_PURPOSE
from filsluss.pages import presenters
from filsluss.pages.context import use_language
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.links import link_behind, report_page, upload_page
from filsluss.pages.own_letters import own_letters
from filsluss.pages.timeline import timeline
from filsluss.pages.upload import ended_words
from filsluss.rules.directions import Direction, Proof, Role
from filsluss.rules.letter_kinds import ASKING, READY_KINDS
from filsluss.rules.lifecycle import State
from filsluss.rules.paths import STATUS
from filsluss.rules.suggestions import suggested_address


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
        "marks": timeline(transfer, role, now),
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
        "upload": upload_page(transfer) if transfer.is_open_at(now) and may_lead_to_upload(transfer) else "",
        "link_letter": next((each for each in letters if each.is_own_link and each.may_send), None),
        "consequences": presenters.consequence_words(of_taking_back(transfer)) if undecided else "",
        "may_resend": any(letter.may_send for letter in letters),
        "done": done_words(request.GET.get("done", ""), transfer),
        "done_tone": "warn" if request.GET.get("done", "").startswith("not-") else "ok",
    }


def done_words(done: str, transfer: Transfer) -> str:
    """What the page says first after the sender has done something; empty if that is not true (any more)."""
    words = {
        "sent-again": _("The email is being sent again."),
        "not-sure": _("Nothing has been changed. Tick the box if you want to withdraw the request."),
        "not-chosen": _("Nothing has been sent. Tick the email that you want to send again."),
        "not-sent": _("The email was not sent again: it has been sent several times, or is out of date."),
    }
    if transfer.state == State.WITHDRAWN:
        words["withdrawn"] = _("The request is withdrawn, and nobody can approve it any more.")
    else:
        words["corrected"] = _("The request has been corrected, and sent to the approver.")
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
            return ended(transfer, role, _("The files have been deleted."))
    return ended(transfer, role, _("The files are being deleted. You get an email when it is done."))


def ended(transfer: Transfer, role: Role, files: str) -> tuple[str, str]:
    """The recipient has no account: to them it is files that are gone."""
    if role is not Role.RECIPIENT:
        return _("The account has ended"), f"{ended_words(transfer)} {files}"
    name = {"name": presenters.sender_name(transfer) or _("the sender")}
    return _("The files from %(name)s can no longer be downloaded") % name, files


def may_lead_to_upload(transfer: Transfer) -> bool:
    """Whether whoever holds the sender's status link has shown that the sender's address is theirs.

    Outbound it is only ever mailed. Else the page after the application leads to it, whoever applied: they
    get the link once more in their mailbox.
    """
    known = transfer.sender.proof in (Proof.NETWORK, Proof.SIGN_IN)
    return known or transfer.way is Direction.OUTBOUND


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
        text = _("You can upload files until the end of %(date)s.")
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
