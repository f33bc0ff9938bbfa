"""The page on which a party says that a case is misused."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation

from filsluss.actions.apply import TooManyApplications
from filsluss.actions.feedback import FeedbackRefused, send_abuse_report
from filsluss.models import Transfer
from filsluss.pages import errors
from filsluss.pages.context import client_of, posted_text, use_language
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import form_problems
from filsluss.pages.status import party_behind, report_page
from filsluss.rules.directions import Role

FIELD = "abuse"


@allow_methods("GET", "POST")
@private_page
def abuse_report(request: HttpRequest, token: str) -> HttpResponse:
    transfer, role = party_behind(token)
    use_language(request, transfer.language)
    if request.method == "POST":
        return take_report(request, transfer, role)
    return show(request, transfer, role)


def take_report(request: HttpRequest, transfer: Transfer, role: Role) -> HttpResponse:
    words = posted_text(request, FIELD)
    try:
        send_abuse_report(
            words, transfer=transfer, role=role, policy=settings.POLICY, now=timezone.now(),
            client=client_of(request),
        )  # fmt: skip
    except FeedbackRefused as refusal:
        return show(request, transfer, role, words, status=422, problems=refusal.problems)
    except TooManyApplications as crowd:
        wait = errors.wait_text(crowd.retry_after)
        response = show(request, transfer, role, words, status=429, notice=wait)
        response.headers["Retry-After"] = str(crowd.retry_after)
        return response
    there = f"{report_page(transfer, role)}?lang={translation.get_language()}&reported=1"
    return HttpResponseRedirect(there, status=303)


def show(
    request: HttpRequest,
    transfer: Transfer,
    role: Role,
    words: str = "",
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    notice: str = "",
) -> HttpResponse:
    found = form_problems(problems or {}, order=(FIELD,), typed={})
    page: dict[str, Any] = {
        "transfer": transfer,
        "action": report_page(transfer, role),
        "typed": {FIELD: words},
        "problems": found,
        "errors": {problem.field: problem.text for problem in found},
        "notice": notice,
        "reported": request.GET.get("reported") == "1" and request.method == "GET",
    }
    return render(request, "pages/abuse_report.html", page, status=status)
