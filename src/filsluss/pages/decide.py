"""The approver's page: a form to approve and a form to reject; an explanation once it is too late."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from filsluss.actions.decide import SignInNeeded, decide
from filsluss.installation import current_services
from filsluss.models import Link, Person, Transfer
from filsluss.pages import errors, presenters
from filsluss.pages.context import NUMBER_BOX, posted_text, use_language
from filsluss.pages.day_choices import day_choices
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.form_page import Form, form_page
from filsluss.pages.links import link_behind, report_page, status_page
from filsluss.rules.decision import Decision
from filsluss.rules.directions import Direction
from filsluss.rules.lifecycle import State
from filsluss.rules.paths import DECIDE, STAFF
from filsluss.rules.tokens import Purpose

ORDER = ("decision", "days", "rejection_reason")


@dataclass(frozen=True)
class Answering:
    """Who answers, by which link and where. `signed_in` is the approver, if they have signed in."""

    link: Link
    action: str
    signed_in: Person | None = None

    @property
    def must_sign_in(self) -> bool:
        """Whether the page shows what was asked only, and leads to the sign-in."""
        return self.signed_in is None and settings.POLICY.decide_sign_in


@allow_methods("GET", "POST")
@private_page
def decision(request: HttpRequest, token: str) -> HttpResponse:
    link = link_behind(token, Purpose.DECIDE)
    return answer(request, Answering(link, DECIDE.path(link.token(settings.POLICY.link_keys))))


def answer(request: HttpRequest, answering: Answering) -> HttpResponse:
    """The form, or what its answer leads to."""
    transfer = answering.link.transfer
    use_language(request, answering.link.party.language)
    if not transfer.is_undecided_at(timezone.now()):
        return too_late(request, transfer)
    given = {field: posted_text(request, field) for field in (*ORDER, NUMBER_BOX)}

    def send() -> str | HttpResponse:
        services, now, who = current_services(), timezone.now(), answering.signed_in
        try:
            decide(transfer, form=decision_in(given), services=services, now=now, signed_in=who)
        except SignInNeeded as needed:
            return show(request, answering, Form(dict.fromkeys(given, ""), ORDER, needed.status))
        return status_page(answering.link.party)

    def late() -> HttpResponse:
        transfer.refresh_from_db()
        return too_late(request, transfer)

    return form_page(
        request, Form(given, ORDER), show=lambda form: show(request, answering, form), send=send, late=late
    )


def decision_in(given: dict[str, str]) -> Decision:
    return Decision(
        given["decision"],
        days=given["days"].strip(),
        rejection_reason=given["rejection_reason"],
        numbers_confirmed=bool(given[NUMBER_BOX]),
    )


def show(request: HttpRequest, answering: Answering, form: Form) -> HttpResponse:
    transfer = answering.link.transfer
    page: dict[str, Any] = {
        "transfer": transfer,
        "sender_name": presenters.sender_name(transfer),
        "is_through": transfer.way is Direction.THROUGH,
        "applied": presenters.moment(transfer.applied_at),
        "answer_by": presenters.answer_by(transfer),
        "day_choices": day_choices(always=settings.POLICY.max_days, chosen=form.typed["days"]),
        "action": answering.action,
        "answering": answering,
        "sign_in": STAFF.path("decide", answering.link.token(settings.POLICY.link_keys)),
        "report": report_page(answering.link.party),
    }
    return render(request, "pages/decide.html", page | form.values(), status=form.status)


def too_late(request: HttpRequest, transfer: Transfer) -> HttpResponse:
    """410: what was decided, when, and in which role; never an address."""
    if transfer.state == State.WITHDRAWN:
        return errors.error_page(
            request,
            410,
            _("The request has been withdrawn"),
            _("The sender has withdrawn it. You do not need to do anything."),
            facts=facts_of(transfer),
        )
    if transfer.state in (State.LAPSED, State.PENDING):
        return errors.error_page(
            request,
            410,
            _("The request has been closed"),
            _("It was not answered by %(date)s.") % {"date": presenters.answer_by(transfer).text},
            _("The sender can make a new request."),
            facts=facts_of(transfer),
        )
    return errors.error_page(
        request,
        410,
        _("The request has already been answered"),
        decided_text(transfer),
        _("You do not need to do anything else."),
        facts=facts_of(transfer),
    )


def facts_of(transfer: Transfer) -> list[tuple[str, str]]:
    """Which request it was, as far as the link proves it."""
    return [(_("Sender"), presenters.short_name(transfer)), (_("Reference"), transfer.public_id)]


def decided_text(transfer: Transfer) -> str:
    decided = presenters.day_of(transfer.decided_at)
    on = {"date": decided.text if decided else ""}
    if transfer.state != State.REJECTED:
        return _("The request was approved on %(date)s by the approver.") % on
    if transfer.closed_reason:
        return _("The request was withdrawn by the system administrator on %(date)s.") % on
    return _("The request was rejected on %(date)s by the approver.") % on
