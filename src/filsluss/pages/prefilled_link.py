"""The page that makes a link to the application form as filled in, for a signature or a page of one's own."""

from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from filsluss.pages.context import posted_text
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.form_page import Form, form_page
from filsluss.rules.addresses import pasted_address
from filsluss.rules.prefilled import Prefilled, examine
from filsluss.rules.refusals import FormRefused

ORDER = ("link_to", "link_why", "link_approver")


@allow_methods("GET", "POST")
@private_page
def prefilled_link(request: HttpRequest) -> HttpResponse:
    """Nothing is stored: the link holds everything, after its #, which no browser sends to a server."""
    typed = {field: request.POST.get(field, "") for field in ORDER}
    typed["link_why"] = posted_text(request, "link_why")
    given = Form(typed, ORDER)

    def show(form: Form, link: str = "") -> HttpResponse:
        values = {"link": link, **form.values()}
        return render(request, "pages/prefilled_link.html", values, status=form.status)

    def send() -> HttpResponse:
        filled_in = Prefilled(
            to=pasted_address(typed["link_to"]),
            why=typed["link_why"].strip(),
            approver=pasted_address(typed["link_approver"]),
        )
        if problems := examine(filled_in, settings.POLICY):
            raise FormRefused(problems)
        return show(given, address_of(filled_in))

    return form_page(request, given, show=show, send=send)


def address_of(form: Prefilled) -> str:
    """The link, with the fields that are filled in."""
    given = {"to": form.to, "why": form.why, "approver": form.approver}
    filled = {name: text for name, text in given.items() if text}
    return f"{settings.POLICY.base_url}/#{urlencode(filled, quote_via=quote, safe='@')}"
