"""The page that makes a link to the application form as filled in, for a signature or a page of one's own."""

from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from filsluss.pages.context import only_language_is_switched, posted_text, printable
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import form_problems
from filsluss.rules.addresses import pasted_address
from filsluss.rules.prefilled import Prefilled, examine

ORDER = ("link_to", "link_why", "link_approver")


@allow_methods("GET", "POST")
@private_page
def prefilled_link(request: HttpRequest) -> HttpResponse:
    """Nothing is stored: the link holds everything, after its #, which no browser sends to a server."""
    typed = {field: request.POST.get(field, "") for field in ORDER}
    typed["link_why"] = posted_text(request, "link_why")
    if request.method != "POST" or only_language_is_switched(request):
        return show(request, typed)
    form = Prefilled(
        to=pasted_address(typed["link_to"]),
        why=typed["link_why"].strip(),
        approver=pasted_address(typed["link_approver"]),
    )
    if problems := examine(form, settings.POLICY):
        return show(request, typed, status=422, problems=problems)
    return show(request, typed, link=address_of(form))


def address_of(form: Prefilled) -> str:
    """The link, with the fields that are filled in."""
    given = {"to": form.to, "why": form.why, "approver": form.approver}
    filled = {name: text for name, text in given.items() if text}
    return f"{settings.POLICY.base_url}/#{urlencode(filled, quote_via=quote, safe='@')}"


def show(
    request: HttpRequest,
    typed: dict[str, str],
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    link: str = "",
) -> HttpResponse:
    found = form_problems(problems or {}, order=ORDER, typed=typed)
    page = {
        "typed": {field: printable(text) for field, text in typed.items()},
        "problems": found,
        "errors": {each.field: each.text for each in found},
        "link": link,
    }
    return render(request, "pages/prefilled_link.html", page, status=status)
