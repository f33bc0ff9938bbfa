"""The page of one act: what it is about, its form, and what follows when that is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _

from filsluss.actions import oversee
from filsluss.models import Transfer
from filsluss.pages.context import NUMBER_BOX, posted_text
from filsluss.pages.error_messages import Problem
from filsluss.pages.form_page import Form, form_page
from filsluss.pages.oversee import unsent
from filsluss.pages.oversee.transfers import show
from filsluss.pages.oversee.unsent import OVERSEE_PATH


@dataclass(frozen=True)
class ActPage:
    """An act on a case, and the words of its page.

    `reason_id`: the id of the field of the reason. `before`: what the act is about. `more`: what else the
    template shows. `is_possible`: whether the case, as it is now, allows it.
    """

    row: Transfer
    heading: str
    button: str
    reason_id: str
    before: str = ""
    file_name: str = ""
    is_possible: bool = True
    more: Mapping[str, Any] = field(default_factory=dict)


def carry_out(
    request: HttpRequest, page: ActPage, act: Callable[[oversee.Reason], str | None], *, done: str
) -> HttpResponse:
    """Shows the page, or calls `act` and leads to the case; 422 without a reason, 409 if it is too late.

    `done`: what the case then says was done, unless `act` says what.
    """
    if not page.is_possible:
        return too_late(request, page.row)
    kept = unsent.taken(request) if request.method != "POST" else None
    posted = {name: posted_text(request, name) for name in (*unsent.FIELDS, NUMBER_BOX)}
    typed = {**posted, **(kept.fields if kept else {})}

    def send() -> str:
        confirmed = bool(typed[NUMBER_BOX])
        reason = oversee.Reason(typed["reason"], f"user:{request.user.pk}", numbers_confirmed=confirmed)
        return there(page.row, act(reason) or done)

    return form_page(
        request,
        Form(typed, unsent.FIELDS),
        show=lambda form: show_act(request, page, form, is_kept=kept is not None),
        send=send,
        late=lambda: too_late(request, page.row),
    )


def show_act(request: HttpRequest, page: ActPage, form: Form, *, is_kept: bool) -> HttpResponse:
    """`is_kept`: what the form holds was typed before a sign-in, and nothing has been done."""
    values = form.values()
    names = {"reason": page.reason_id}
    problems = [Problem(names.get(each.field, each.field), each.text) for each in values["problems"]]
    if is_kept:
        words = unsent.kept_words()
        problems = [Problem(page.reason_id, words)]
    own = {"page": page, "problems": problems, "number_id": f"no-number-{page.reason_id}"}
    return render(request, "pages/oversee/act.html", {**values, **page.more, **own}, status=form.status)


def too_late(request: HttpRequest, row: Transfer) -> HttpResponse:
    """The case as it is now, which does not allow the act any more."""
    row.refresh_from_db()
    words = _("It was too late: someone or something else was first. This is how it stands now.")
    return show(request, row, status=409, problems=[Problem("case", words)])


def there(row: Transfer, done: str) -> str:
    """The case, which says in the language of this page what was done."""
    return f"{OVERSEE_PATH}/transfers/{row.public_id}?lang={translation.get_language()}&done={done}"
