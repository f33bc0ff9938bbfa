"""The start page, which holds the application form, and what an application leads to."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation

from filsluss.actions.apply import apply, opens_at_once
from filsluss.installation import current_services
from filsluss.models import Transfer
from filsluss.pages.application_form import (
    NEW,
    ORDER,
    FormPage,
    application_in,
    first_shown,
    show_form,
    sign_in_values,
    took_suggestion,
    typed_in,
)
from filsluss.pages.context import asked_language, client_of
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.form_page import Form, form_page
from filsluss.pages.links import status_page, upload_page
from filsluss.rules.application import Application
from filsluss.rules.directions import Direction
from filsluss.rules.networks import Client
from filsluss.rules.paths import SENT

Send = Callable[[Application, Client], Transfer]


@allow_methods("GET", "POST")
def application(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return show_form(request, first_shown())

    def send(form: Application, client: Client) -> Transfer:
        return apply(form, services=current_services(), now=timezone.now(), client=client)

    return take_application(request, send)


def take_application(
    request: HttpRequest,
    send: Send,
    *,
    page: FormPage = NEW,
    done: str = "",
    late: Callable[[], HttpResponse] | None = None,
) -> HttpResponse:
    """Sends what is typed into the form, or shows it again: with what is wrong in it, or not judged yet.

    `done` is what the next page says was done.
    """
    given = typed_in(request)
    if took_suggestion(request, given):
        return show_form(request, Form(given, ORDER), page=page)

    def send_it() -> str:
        client = client_of(request)
        there = next_page(send(application_in(given), client), client)
        there += "" if "?" in there else asked_language(request)
        return there + (f"{'&' if '?' in there else '?'}done={done}" if done else "")

    return form_page(
        request,
        Form(given, ORDER),
        show=lambda form: show_form(request, form, page=page),
        send=send_it,
        late=late,
    )


def next_page(transfer: Transfer, client: Client) -> str:
    """The page after an application: the upload page only for an inside sender on an inside network.

    From elsewhere an inside sender must open the link in their mailbox; other senders see the status page.
    """
    if opens_at_once(transfer, client=client, services=current_services()):
        return upload_page(transfer)
    if transfer.way is Direction.OUTBOUND:
        return f"{SENT.path()}?lang={translation.get_language()}"
    return status_page(transfer.sender)


@allow_methods("GET")
@private_page
def sent(request: HttpRequest) -> HttpResponse:
    """After an inside sender's application without a sign-in, or from an outside network."""
    return render(request, "pages/sent.html", sign_in_values(NEW))
