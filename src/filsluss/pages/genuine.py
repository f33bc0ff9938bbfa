"""The page that says whether an email is ours, to whoever has it, and tells a stranger nothing."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext as _

from filsluss.actions.download import TooManyTries
from filsluss.actions.genuine import QuestionRefused, letters_sent
from filsluss.installation import current_services
from filsluss.models import Letter
from filsluss.pages import errors, presenters
from filsluss.pages.context import client_of, only_language_is_switched, posted_text, printable
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import form_problems
from filsluss.rules.addresses import pasted_address
from filsluss.rules.letter_kinds import traits_of

ORDER = ("reference", "own_email")
Typed = dict[str, str]


@allow_methods("GET", "POST")
@private_page
def genuine(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return show(request, {"reference": printable(request.GET.get("ref", ""))[:20]})
    typed = {"reference": posted_text(request, "reference"), "own_email": request.POST.get("own_email", "")}
    if only_language_is_switched(request):
        return show(request, typed)
    try:
        found = letters_sent(
            typed["reference"],
            address=pasted_address(typed["own_email"]),
            client=client_of(request),
            services=current_services(),
            now=timezone.now(),
        )
    except QuestionRefused as refused:
        return show(request, typed, status=422, problems=refused.problems)
    except TooManyTries as limit:
        notice = _("Many questions have been asked from your network, or about this address.")
        response = show(request, typed, status=429, notice=f"{notice} {errors.wait_text(limit.retry_after)}")
        return errors.with_retry_after(response, limit.retry_after)
    return show(request, typed, answer=answered(found))


def answered(letters: Sequence[Letter]) -> dict[str, Any]:
    """The answer: when and of what kind the emails were; without any, only that we know of none."""
    sent = [(presenters.moment(each.sent_at), gettext(traits_of(each.kind).label)) for each in letters]
    return {"is_genuine": bool(sent), "sent": sent}


def show(
    request: HttpRequest,
    typed: Typed,
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    notice: str = "",
    answer: dict[str, Any] | None = None,
) -> HttpResponse:
    found = form_problems(problems or {}, order=ORDER, typed=typed)
    page = {
        "typed": {field: printable(text) for field, text in typed.items()},
        "problems": found,
        "errors": {each.field: each.text for each in found},
        "notice": notice,
        "answer": answer,
    }
    return render(request, "pages/genuine.html", page, status=status)
