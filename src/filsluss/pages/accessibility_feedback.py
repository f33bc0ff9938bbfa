"""The accessibility statement (Swedish law 2018:1937), with a form to report what does not work."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext

from filsluss.actions.feedback import FeedbackRefused, send_accessibility_feedback
from filsluss.actions.limits import LimitReached
from filsluss.installation import current_services
from filsluss.pages import errors, presenters, wcag
from filsluss.pages.context import (
    NUMBER_BOX,
    asks_about_number,
    client_of,
    only_language_is_switched,
    posted_text,
    printable,
)
from filsluss.pages.decorators import allow_methods
from filsluss.pages.error_messages import form_problems
from filsluss.rules.addresses import pasted_address
from filsluss.rules.paths import ACCESSIBILITY

ORDER = ("fault", "reply_email")


@allow_methods("GET", "POST")
def statement(request: HttpRequest) -> HttpResponse:
    """The statement; it has the form only if there is an address that a report can be sent to."""
    if request.method == "POST" and settings.POLICY.contact_email:
        return take_report(request)
    return show(request, {})


def take_report(request: HttpRequest) -> HttpResponse:
    typed = {field: posted_text(request, field) for field in ("fault", NUMBER_BOX)}
    typed["reply_email"] = request.POST.get("reply_email", "")
    if only_language_is_switched(request):
        return show(request, typed)
    try:
        send_accessibility_feedback(
            typed["fault"],
            reply_to=pasted_address(typed["reply_email"]),
            numbers_confirmed=bool(typed[NUMBER_BOX]),
            services=current_services(),
            now=timezone.now(),
            client=client_of(request),
        )
    except FeedbackRefused as refusal:
        return show(request, typed, status=422, problems=refusal.problems)
    except LimitReached as reached:
        response = show(request, typed, status=429, notice=errors.limit_text(reached))
        return errors.with_retry_after(response, reached.retry_after)
    return HttpResponseRedirect(
        f"{ACCESSIBILITY.path()}?lang={translation.get_language()}&reported=1", status=303
    )


def stated() -> dict[str, Any]:
    """What the organisation states of its service; empty if it has stated nothing."""
    assessment = settings.POLICY.assessment
    if assessment is None:
        return {"prepared_on": presenters.day(wcag.last_checked())}
    return {
        "conformance": assessment.conformance.value,
        "tested_on": presenters.day(assessment.tested_on),
        "tested_by": assessment.tested_by,
        "prepared_on": presenters.day(max(assessment.tested_on, wcag.last_checked())),
    }


def tested() -> dict[str, Any]:
    """How the program's pages are known to meet each criterion."""
    return {
        "all_criteria": len(wcag.criteria()),
        "tested_criteria": sum(1 for each in wcag.criteria() if each.tests),
        "last_checked": presenters.day(wcag.last_checked()),
        "criteria": [
            {
                "number": each.number,
                "level": each.level,
                "name": gettext(each.name),
                "checked": presenters.day(each.checked) if each.checked else None,
            }
            for each in wcag.criteria()
        ],
    }


def show(
    request: HttpRequest,
    typed: dict[str, str],
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    notice: str = "",
) -> HttpResponse:
    found = form_problems(problems or {}, order=ORDER, typed=typed)
    page: dict[str, Any] = {
        "typed": {field: printable(text) for field, text in typed.items()},
        "problems": found,
        "errors": {problem.field: problem.text for problem in found},
        "asks_about_number": asks_about_number(problems, typed),
        "notice": notice,
        "may_report": bool(settings.POLICY.contact_email),
        "reported": request.GET.get("reported") == "1" and request.method == "GET",
        **stated(),
        **tested(),
    }
    response = render(request, "pages/accessibility_feedback.html", page, status=status)
    response.headers["Cache-Control"] = "no-cache" if request.method == "GET" else "no-store"
    return response
