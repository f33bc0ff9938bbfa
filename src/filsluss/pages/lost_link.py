"""The page for whoever has lost a link: it sends links to a mailbox, and says the same whatever is there."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation

from filsluss.actions.limits import LimitReached
from filsluss.actions.lost_link import LinkRequestRefused, request_links
from filsluss.installation import current_services
from filsluss.pages import errors
from filsluss.pages.context import client_of, only_language_is_switched, printable
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import form_problems
from filsluss.rules.addresses import pasted_address
from filsluss.rules.paths import LOST_LINK

FIELD = "own_email"


@allow_methods("GET", "POST")
@private_page
def lost_link(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return show(request, "")
    typed = request.POST.get(FIELD, "")
    if only_language_is_switched(request):
        return show(request, typed)
    try:
        request_links(
            pasted_address(typed), services=current_services(), now=timezone.now(), client=client_of(request)
        )
    except LinkRequestRefused as refused:
        return show(request, typed, status=422, problem=refused.problem)
    except LimitReached as reached:
        response = show(request, typed, status=429, notice=errors.limit_text(reached))
        return errors.with_retry_after(response, reached.retry_after)
    return HttpResponseRedirect(f"{LOST_LINK.path()}?lang={translation.get_language()}&asked=1", status=303)


def show(
    request: HttpRequest, typed: str, *, status: int = 200, problem: str = "", notice: str = ""
) -> HttpResponse:
    found = form_problems({FIELD: problem} if problem else {}, order=(FIELD,), typed={FIELD: typed})
    page = {
        "typed": {FIELD: printable(typed)},
        "problems": found,
        "errors": {each.field: each.text for each in found},
        "notice": notice,
        "asked": request.GET.get("asked") == "1" and request.method == "GET",
    }
    return render(request, "pages/lost_link.html", page, status=status)
