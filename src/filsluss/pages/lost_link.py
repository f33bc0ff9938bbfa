"""The page for whoever has lost a link: it sends links to a mailbox, and says the same whatever is there."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation

from filsluss.actions.lost_link import request_links
from filsluss.installation import current_services
from filsluss.pages.context import client_of
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.form_page import Form, form_page
from filsluss.rules.addresses import pasted_address
from filsluss.rules.paths import LOST_LINK

FIELD = "own_email"


@allow_methods("GET", "POST")
@private_page
def lost_link(request: HttpRequest) -> HttpResponse:
    typed = request.POST.get(FIELD, "")

    def send() -> str:
        request_links(
            pasted_address(typed), services=current_services(), now=timezone.now(), client=client_of(request)
        )
        return f"{LOST_LINK.path()}?lang={translation.get_language()}&asked=1"

    def show(form: Form) -> HttpResponse:
        page = {"asked": request.GET.get("asked") == "1" and request.method == "GET"}
        return render(request, "pages/lost_link.html", page | form.values(), status=form.status)

    return form_page(request, Form({FIELD: typed}, (FIELD,)), show=show, send=send)
