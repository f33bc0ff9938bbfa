"""The approver's page: a form to approve and a form to reject; an explanation once it is too late."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from filsluss.actions.decide import decide
from filsluss.installation import current_services
from filsluss.models import Link, Transfer
from filsluss.pages import errors, presenters
from filsluss.pages.context import NUMBER_BOX, posted_text, use_language
from filsluss.pages.day_choices import day_choices
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.form_page import Form, form_page
from filsluss.pages.links import link_behind, report_page, status_page
from filsluss.rules.decision import Decision
from filsluss.rules.directions import Direction
from filsluss.rules.lifecycle import State
from filsluss.rules.paths import DECIDE
from filsluss.rules.tokens import Purpose

ORDER = ("decision", "days", "rejection_reason")


@allow_methods("GET", "POST")
@private_page
def decision(request: HttpRequest, token: str) -> HttpResponse:
    link = link_behind(token, Purpose.DECIDE)
    transfer = link.transfer
    use_language(request, link.party.language)
    if not transfer.is_undecided_at(timezone.now()):
        return too_late(request, transfer)
    given = {field: posted_text(request, field) for field in (*ORDER, NUMBER_BOX)}

    def send() -> str:
        decide(transfer, form=decision_in(given), services=current_services(), now=timezone.now())
        return status_page(link.party)

    def late() -> HttpResponse:
        transfer.refresh_from_db()
        return too_late(request, transfer)

    return form_page(
        request, Form(given, ORDER), show=lambda form: show(request, link, form), send=send, late=late
    )


def decision_in(given: dict[str, str]) -> Decision:
    return Decision(
        given["decision"],
        days=given["days"].strip(),
        rejection_reason=given["rejection_reason"],
        numbers_confirmed=bool(given[NUMBER_BOX]),
    )


def show(request: HttpRequest, link: Link, form: Form) -> HttpResponse:
    transfer = link.transfer
    page: dict[str, Any] = {
        "transfer": transfer,
        "sender_name": presenters.sender_name(transfer),
        "is_through": transfer.way is Direction.THROUGH,
        "applied": presenters.moment(transfer.applied_at),
        "answer_by": presenters.answer_by(transfer),
        "day_choices": day_choices(always=settings.POLICY.max_days, chosen=form.typed["days"]),
        "action": DECIDE.path(link.token(settings.POLICY.link_keys)),
        "report": report_page(link.party),
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
