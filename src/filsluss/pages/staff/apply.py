"""The application of somebody who is signed in: without name and address, and it opens at once."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from filsluss.actions.apply import ApplicationRefused, apply
from filsluss.actions.limits import LimitReached
from filsluss.installation import current_services
from filsluss.models import Person, StaffSession, Transfer
from filsluss.pages import errors
from filsluss.pages.application_form import (
    FormPage,
    Typed,
    application_in,
    filled_in,
    first_shown,
    show_form,
    took_suggestion,
    typed_in,
)
from filsluss.pages.context import client_of, only_language_is_switched
from filsluss.pages.decorators import allow_methods
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
        return show_form(request, before(request, person), page=page)
    given = as_sent_by(person, typed_in(request))
    if only_language_is_switched(request) or took_suggestion(request, given):
        return show_form(request, given, page=page)
    more: dict[str, Any] = {"services": current_services(), "now": timezone.now()}
    try:
        transfer = apply(application_in(given), client=client_of(request), signed_in=person, **more)
    except ApplicationRefused as refused:
        return show_form(request, given, page=page, status=422, problems=refused.problems)
    except LimitReached as reached:
        refusal = show_form(request, given, page=page, status=429, notice=errors.limit_text(reached))
        return errors.with_retry_after(refusal, reached.retry_after)
    return HttpResponseRedirect(upload_page(transfer), status=303)


def as_sent_by(person: Person, given: Typed) -> Typed:
    """The form with the sender who is signed in, whatever else was sent along."""
    mine = {"sender_name": person.name, "sender_email": person.address}
    return given | mine | {"recipient_outside": "", "approver_email": "", "as": ""}


def before(request: HttpRequest, person: Person) -> Typed:
    """The form as it is first shown: empty, or as in a case of theirs that `?again` names."""
    public_id = as_public_id(request.GET.get("again", "")[:20])
    case = Transfer.objects.filter(public_id=public_id).first() if public_id else None
    sender = case.party(Role.SENDER) if case else None
    known = bool(sender and person.canonical and sender.canonical == person.canonical)
    return as_sent_by(person, filled_in(case) if case and known else first_shown() | {"purpose": ""})
