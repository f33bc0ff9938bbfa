"""The page that says whether an email is ours, to whoever has it, and tells a stranger nothing."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext

from filsluss.actions.genuine import LISTED, letters_sent
from filsluss.installation import current_services
from filsluss.models import Letter
from filsluss.pages import presenters
from filsluss.pages.context import client_of, posted_text, printable
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.form_page import Form, form_page
from filsluss.pages.presenters import When
from filsluss.rules.addresses import pasted_address
from filsluss.rules.letter_kinds import traits_of

ORDER = ("reference", "own_email")


@allow_methods("GET", "POST")
@private_page
def genuine(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        reference, address = posted_text(request, "reference"), request.POST.get("own_email", "")
    else:
        reference, address = printable(request.GET.get("ref", ""))[:20], ""
    form = Form({"reference": reference, "own_email": address}, ORDER)

    def send() -> HttpResponse:
        found = letters_sent(
            reference,
            address=pasted_address(address),
            client=client_of(request),
            services=current_services(),
            now=timezone.now(),
        )
        return show(form, answered(found))

    def show(form: Form, answer: dict[str, Any] | None = None) -> HttpResponse:
        page = {"answer": answer, **form.values()}
        return render(request, "pages/genuine.html", page, status=form.status)

    return form_page(request, form, show=show, send=send)


def answered(letters: Sequence[Letter]) -> dict[str, Any]:
    """The answer: when and of what kind the emails were; without any, only that we know of none.

    `sent` has a group for each kind, the one with the newest email first, and the newest first in each.
    """
    groups: dict[str, list[When]] = {}
    for each in letters:
        if when := presenters.moment(each.sent_at):
            groups.setdefault(gettext(traits_of(each.kind).label), []).append(when)
    sent = [
        {"kind": kind, "whens": whens, "first": whens[-1], "last": whens[0]} for kind, whens in groups.items()
    ]
    return {"is_genuine": bool(sent), "sent": sent, "listed": LISTED, "are_all": len(letters) < LISTED}
