"""The accessibility statement (Swedish law 2018:1937), with a form to report what does not work."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext

from filsluss.actions.feedback import send_accessibility_feedback
from filsluss.installation import current_services
from filsluss.pages import presenters, wcag
from filsluss.pages.context import NUMBER_BOX, client_of, posted_text
from filsluss.pages.decorators import allow_methods
from filsluss.pages.form_page import Form, form_page
from filsluss.rules.addresses import pasted_address
from filsluss.rules.paths import ACCESSIBILITY

ORDER = ("fault", "reply_email")


@allow_methods("GET", "POST")
def statement(request: HttpRequest) -> HttpResponse:
    """The statement; it has the form only if there is an address that a report can be sent to."""
    if not settings.POLICY.contact_email:
        return show(request, Form({}))
    typed = {field: posted_text(request, field) for field in ("fault", NUMBER_BOX)}
    typed["reply_email"] = request.POST.get("reply_email", "")

    def send() -> str:
        send_accessibility_feedback(
            typed["fault"],
            reply_to=pasted_address(typed["reply_email"]),
            numbers_confirmed=bool(typed[NUMBER_BOX]),
            services=current_services(),
            now=timezone.now(),
            client=client_of(request),
        )
        return f"{ACCESSIBILITY.path()}?lang={translation.get_language()}&reported=1"

    return form_page(request, Form(typed, ORDER), show=lambda form: show(request, form), send=send)


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


def show(request: HttpRequest, form: Form) -> HttpResponse:
    page: dict[str, Any] = {
        "may_report": bool(settings.POLICY.contact_email),
        "reported": request.GET.get("reported") == "1" and request.method == "GET",
        **stated(),
        **tested(),
    }
    values = page | form.values()
    response = render(request, "pages/accessibility_feedback.html", values, status=form.status)
    response.headers["Cache-Control"] = "no-cache" if request.method == "GET" else "no-store"
    return response
