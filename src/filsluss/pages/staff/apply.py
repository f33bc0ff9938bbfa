"""The application of somebody who is signed in: without name and address, and it opens at once."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from filsluss.actions.apply import apply
from filsluss.actions.persons import theirs_since
from filsluss.installation import current_services
from filsluss.models import Person, StaffSession, Transfer
from filsluss.pages.application_form import (
    ORDER,
    FormPage,
    Typed,
    application_in,
    filled_in,
    first_shown,
    show_form,
    took_suggestion,
    typed_in,
)
from filsluss.pages.context import client_of
from filsluss.pages.decorators import allow_methods
from filsluss.pages.form_page import Form, form_page
from filsluss.pages.links import upload_page
from filsluss.pages.staff.access import signed_in
from filsluss.rules.directions import Role
from filsluss.rules.paths import STAFF
from filsluss.rules.tokens import as_public_id


@allow_methods("GET", "POST")
@signed_in
def application(request: HttpRequest, session: StaffSession) -> HttpResponse:
    person = session.person
    page = FormPage(STAFF.path("apply"), "staff", person=person)
    if request.method != "POST":
        return show_form(request, Form(before(request, person), ORDER), page=page)
    given = as_sent_by(person, typed_in(request))
    if took_suggestion(request, given):
        return show_form(request, Form(given, ORDER), page=page)

    def send() -> str:
        return upload_page(
            apply(
                application_in(given),
                client=client_of(request),
                signed_in=person,
                services=current_services(),
                now=timezone.now(),
            )
        )

    return form_page(
        request, Form(given, ORDER), show=lambda form: show_form(request, form, page=page), send=send
    )


def as_sent_by(person: Person, given: Typed) -> Typed:
    """The form with the sender who is signed in, whatever else was sent along."""
    mine = {"sender_name": person.name, "sender_email": person.address}
    return given | mine | {"recipient_outside": "", "approver_email": ""}


def before(request: HttpRequest, person: Person) -> Typed:
    """The form as it is first shown: empty, or as in a case of theirs that `?again` names."""
    public_id = as_public_id(request.GET.get("again", "")[:20])
    case = Transfer.objects.filter(public_id=public_id).first() if public_id else None
    sender = case.party(Role.SENDER) if case else None
    known = bool(sender and person.canonical and sender.canonical == person.canonical)
    since = theirs_since(person)
    known = known and not (since and case and case.applied_at and case.applied_at <= since)
    shown = filled_in(case) if case and known else first_shown()
    return as_sent_by(person, {"purpose": "", **shown.typed})
