"""The start page, which holds the application form."""

import re
import secrets
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import ngettext

from filsluss.actions.apply import ApplicationRefused, apply, opens_at_once
from filsluss.actions.limits import LimitReached
from filsluss.installation import current_services
from filsluss.models import Transfer
from filsluss.pages import errors
from filsluss.pages.context import client_of, only_language_is_switched, posted_text, printable
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import Problem, form_problems
from filsluss.pages.links import status_page, upload_page
from filsluss.rules.addresses import pasted_address
from filsluss.rules.application import Application
from filsluss.rules.directions import Direction
from filsluss.rules.networks import Client

ORDER = (
    "sender_name",
    "sender_email",
    "recipient_email",
    "recipient_outside",
    "approver_email",
    "purpose",
    "no_personal_number",
    "days",
    "language",
    "accept_terms",
)
ADDRESSES = ("sender_email", "recipient_email", "approver_email")
"""Read as they came: a character that is dropped unseen could make another address."""
LONGEST_FORM_VALUE = 64
OFFERED_DAYS = (1, 3, 7, 14, 30)


@allow_methods("GET", "POST")
def application(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return take_application(request)
    start = {"language": translation.get_language(), "days": str(settings.POLICY.default_days)}
    return form(request, start)


def take_application(request: HttpRequest) -> HttpResponse:
    given = {field: posted_text(request, field) for field in (*ORDER, "as", "form_value")}
    given |= {field: request.POST.get(field, "") for field in ADDRESSES}
    if only_language_is_switched(request):
        return form(request, given)
    client = client_for(request, given["as"])
    try:
        transfer = apply(
            application_in(given), services=current_services(), now=timezone.now(), client=client
        )
    except ApplicationRefused as refused:
        return form(request, given, status=422, problems=refused.problems)
    except LimitReached as reached:
        refusal = form(request, given, status=429, notice=errors.limit_text(reached))
        return errors.with_retry_after(refusal, reached.retry_after)
    return HttpResponseRedirect(next_page(transfer, client), status=303)


def next_page(transfer: Transfer, client: Client) -> str:
    """The page after an application: the upload page only for an inside sender on an inside network.

    From elsewhere an inside sender must open the link in their mailbox; other senders see the status page.
    """
    if opens_at_once(transfer, client=client, services=current_services()):
        return upload_page(transfer)
    if transfer.way is Direction.OUTBOUND:
        return f"/sent?lang={transfer.sender.language}"
    return status_page(transfer.sender)


def client_for(request: HttpRequest, chosen: str) -> Client:
    """The client; in the demo a visitor may choose to be treated as not on the inside network."""
    client = client_of(request)
    return replace(client, may_be_inside=False) if settings.DEMO and chosen == "outside" else client


def application_in(given: dict[str, str]) -> Application:
    return Application(
        sender_name=" ".join(given["sender_name"].split()),
        sender_email=pasted_address(given["sender_email"]),
        recipient_email=pasted_address(given["recipient_email"]),
        recipient_outside=bool(given["recipient_outside"]),
        approver_email=pasted_address(given["approver_email"]),
        purpose=given["purpose"].strip(),
        days=days_in(given["days"]),
        language=given["language"] or translation.get_language(),
        terms_accepted=bool(given["accept_terms"]),
        numbers_confirmed=bool(given["no_personal_number"]),
        form_value=given["form_value"][:LONGEST_FORM_VALUE],
    )


def days_in(text: str) -> int | None:
    """The number of days; None if the field is empty, and 0, which is never accepted, if it is no number."""
    if not text.strip():
        return None
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text.strip()) else 0


def offered_days() -> list[tuple[str, str]]:
    """Value and label of each choice: the usual ones up to the limit, and the default."""
    policy = settings.POLICY
    offered = {days for days in OFFERED_DAYS if days <= policy.max_days} | {policy.default_days}
    return [(str(days), ngettext("%(n)d day", "%(n)d days", days) % {"n": days}) for days in sorted(offered)]


def form(
    request: HttpRequest,
    given: dict[str, Any],
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    notice: str = "",
) -> HttpResponse:
    shown = {name: printable(text) for name, text in given.items()}
    found: list[Problem] = form_problems(problems or {}, order=ORDER, typed=given)
    page = {
        "typed": shown | {"as": given.get("as") or request.GET.get("as", "")},
        "problems": found,
        "errors": {problem.field: problem.text for problem in found},
        "form_value": shown.get("form_value") or secrets.token_urlsafe(16),
        "asks_about_number": "personal_number" in (problems or {}).values(),
        "notice": notice,
        "offered_days": offered_days(),
        "may_choose_network": settings.DEMO,
    }
    response = render(request, "pages/apply.html", page, status=status)
    response.headers["Cache-Control"] = "no-cache" if request.method == "GET" else "no-store"
    return response


@allow_methods("GET")
@private_page
def sent(request: HttpRequest) -> HttpResponse:
    """After an inside sender's application from an outside network: the link was sent by mail."""
    return render(request, "pages/sent.html")
