"""The page on which a party reports abuse of a case to the administrators."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation

from filsluss.actions.feedback import FeedbackRefused, send_abuse_report
from filsluss.actions.limits import LimitReached
from filsluss.installation import current_services
from filsluss.models import Party, Transfer
from filsluss.pages import errors, presenters
from filsluss.pages.context import (
    NUMBER_BOX,
    asks_about_number,
    client_of,
    only_language_is_switched,
    posted_text,
    use_language,
)
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import form_problems
from filsluss.pages.links import report_page
from filsluss.pages.status import case_behind

FIELD = "abuse"


@allow_methods("GET", "POST")
@private_page
def abuse_report(request: HttpRequest, token: str) -> HttpResponse:
    transfer, party = case_behind(token)
    use_language(request, party.language)
    if request.method == "POST":
        return take_report(request, transfer, party)
    return show(request, transfer, party)


def take_report(request: HttpRequest, transfer: Transfer, party: Party) -> HttpResponse:
    typed = {field: posted_text(request, field) for field in (FIELD, NUMBER_BOX)}
    if only_language_is_switched(request):
        return show(request, transfer, party, typed)
    try:
        send_abuse_report(
            typed[FIELD],
            transfer=transfer,
            by=party,
            numbers_confirmed=bool(typed[NUMBER_BOX]),
            services=current_services(),
            now=timezone.now(),
            client=client_of(request),
        )
    except FeedbackRefused as refusal:
        return show(request, transfer, party, typed, status=422, problems=refusal.problems)
    except LimitReached as reached:
        response = show(request, transfer, party, typed, status=429, notice=errors.limit_text(reached))
        return errors.with_retry_after(response, reached.retry_after)
    there = f"{report_page(party)}?lang={translation.get_language()}&reported=1"
    return HttpResponseRedirect(there, status=303)


def show(
    request: HttpRequest,
    transfer: Transfer,
    party: Party,
    typed: dict[str, str] | None = None,
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    notice: str = "",
) -> HttpResponse:
    found = form_problems(problems or {}, order=(FIELD,), typed={})
    page: dict[str, Any] = {
        "transfer": transfer,
        "sender_name": presenters.sender_name(transfer),
        "action": report_page(party),
        "typed": typed or {},
        "problems": found,
        "errors": {problem.field: problem.text for problem in found},
        "asks_about_number": asks_about_number(problems, typed or {}),
        "notice": notice,
        "reported": request.GET.get("reported") == "1" and request.method == "GET",
    }
    return render(request, "pages/abuse_report.html", page, status=status)
