"""What a sender does with their own case by its status link: withdraw, correct, apply once more, resend."""

from dataclasses import replace
from functools import partial

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone, translation

from filsluss.actions.send_again import NotSentAgain, send_once_more
from filsluss.actions.take_back import correct, take_back
from filsluss.actions.transitions import StepRefused
from filsluss.installation import current_services
from filsluss.models import Letter, Transfer
from filsluss.pages.application_form import ORDER, FormPage, filled_in, show_form, typed_in
from filsluss.pages.apply import take_application
from filsluss.pages.context import printable, use_language
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.form_page import Form
from filsluss.pages.links import link_behind
from filsluss.pages.own_letters import LISTED
from filsluss.rules.application import Application
from filsluss.rules.networks import Client
from filsluss.rules.paths import STATUS
from filsluss.rules.tokens import Purpose


def case_of_sender(request: HttpRequest, token: str) -> Transfer:
    """The case, if that is its sender's status link; raises Http404 or LinkRevoked."""
    link = link_behind(token, Purpose.STATUS_SENDER)
    use_language(request, link.party.language)
    return link.transfer


def back_to_status(token: str, done: str) -> HttpResponse:
    """Leads to the status page, which says in the language of this page what was done."""
    there = f"{STATUS.path(token)}?lang={translation.get_language()}&done={done}"
    return HttpResponseRedirect(there, status=303)


@allow_methods("POST")
@private_page
def withdraw_request(request: HttpRequest, token: str) -> HttpResponse:
    """Only with the box ticked: a link scanner that sends forms withdraws nothing."""
    transfer = case_of_sender(request, token)
    if not request.POST.get("sure"):
        return back_to_status(token, "not-sure")
    try:
        take_back(transfer, services=current_services(), now=timezone.now())
    except StepRefused:
        return back_to_status(token, "not-withdrawn")
    return back_to_status(token, "withdrawn")


@allow_methods("GET")
@private_page
def apply_again(request: HttpRequest, token: str) -> HttpResponse:
    """The application form as it was filled in for this case; sending it makes a case of its own."""
    transfer = case_of_sender(request, token)
    return show_form(request, filled_in(transfer), page=FormPage(purpose="again", case=transfer))


@allow_methods("GET", "POST")
@private_page
def correct_request(request: HttpRequest, token: str) -> HttpResponse:
    """The same form; sending it withdraws the case that is corrected, unless it has been answered."""
    transfer = case_of_sender(request, token)
    page = FormPage(STATUS.path(token, "correct"), "correct", transfer)
    if request.method == "POST":

        def late() -> HttpResponse:
            return too_late(request, Form(typed_in(request), ORDER), transfer)

        send = partial(send_correction, transfer)
        return take_application(request, send, page=page, done="corrected", late=late)
    if not transfer.is_undecided_at(timezone.now()):
        return too_late(request, filled_in(transfer), transfer)
    return show_form(request, filled_in(transfer), page=page)


def too_late(request: HttpRequest, form: Form, transfer: Transfer) -> HttpResponse:
    """409: the case has been answered; the form can be sent as an application of its own."""
    return show_form(request, replace(form, status=409), page=FormPage(purpose="late", case=transfer))


def send_correction(transfer: Transfer, form: Application, client: Client) -> Transfer:
    now = timezone.now()
    return correct(transfer, application=form, services=current_services(), now=now, client=client)


@allow_methods("POST")
@private_page
def resend(request: HttpRequest, token: str) -> HttpResponse:
    """Sends the chosen letters about this case once more; a link scanner that sends forms chooses none."""
    transfer = case_of_sender(request, token)
    chosen = [printable(public_id) for public_id in request.POST.getlist("letter")[:LISTED]]
    letters = Letter.objects.about(transfer).filter(public_id__in=chosen)
    done = "not-chosen"
    for letter in letters.order_by("pk"):
        try:
            send_once_more(letter, services=current_services(), now=timezone.now())
        except NotSentAgain:
            return back_to_status(token, "not-sent")
        done = "sent-again"
    return back_to_status(token, done)
