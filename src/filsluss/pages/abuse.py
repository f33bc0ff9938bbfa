"""The page on which a party says that a case is misused."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation

from filsluss.actions.apply import TooManyApplications
from filsluss.actions.report import ReportRefused, report_abuse
from filsluss.models import Transfer
from filsluss.pages import calm
from filsluss.pages.manners import client_of, speak, takes, typed, unlisted
from filsluss.pages.status import party_behind, report_page
from filsluss.pages.words import problems_in
from filsluss.rules.directions import Role

FIELD = "abuse"


@takes("GET", "POST")
@unlisted
def report(request: HttpRequest, token: str) -> HttpResponse:
    transfer, role = party_behind(token)
    speak(request, transfer.language)
    if request.method == "POST":
        return take_report(request, transfer, role)
    return show(request, transfer, role)


def take_report(request: HttpRequest, transfer: Transfer, role: Role) -> HttpResponse:
    words = typed(request, FIELD)
    try:
        report_abuse(
            words, transfer=transfer, role=role, policy=settings.POLICY, now=timezone.now(),
            client=client_of(request),
        )  # fmt: skip
    except ReportRefused as refusal:
        return show(request, transfer, role, words, status=422, problems=refusal.problems)
    except TooManyApplications as crowd:
        wait = calm.wait_text(crowd.retry_after)
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
    found = problems_in(problems or {}, order=(FIELD,), typed={})
    page: dict[str, Any] = {
        "transfer": transfer,
        "action": report_page(transfer, role),
        "typed": {FIELD: words},
        "problems": found,
        "errors": {problem.field: problem.text for problem in found},
        "notice": notice,
        "reported": request.GET.get("reported") == "1" and request.method == "GET",
    }
    return render(request, "pages/abuse.html", page, status=status)
