"""The administrator's actions on a transfer or a file: close, withdraw, release, remove; with a reason."""

from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from filsluss.actions import oversee
from filsluss.actions.send_again import NotSentAgain
from filsluss.actions.send_again import send_again as queue_again
from filsluss.actions.transitions import Cause
from filsluss.installation import current_services
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.pages.context import NUMBER_BOX, posted_text
from filsluss.pages.decorators import allow_methods
from filsluss.pages.error_messages import Problem, form_problems
from filsluss.pages.form_page import Form, form_page
from filsluss.pages.oversee.access import permitted, standing_in
from filsluss.pages.oversee.transfers import show, transfer_named
from filsluss.pages.oversee.unsent import OVERSEE_PATH
from filsluss.pages.staff.access import staff_session
from filsluss.rules.permissions import Act
from filsluss.rules.sign_in import LocalSignIn


def carry_out(
    request: HttpRequest, row: Transfer, act: Callable[[oversee.Reason], str | None], *, field: str, done: str
) -> HttpResponse:
    """Calls `act` and shows the case again; 422 without a reason, 409 if the state no longer allows it.

    `field`: the id of the field of the reason. `done`: what the page then says was done, unless
    `act` says what.
    """
    typed = {name: posted_text(request, name) for name in ("reason", NUMBER_BOX)}

    def send() -> str:
        confirmed = bool(typed[NUMBER_BOX])
        reason = oversee.Reason(typed["reason"], f"user:{request.user.pk}", numbers_confirmed=confirmed)
        return there(row, act(reason) or done)

    def show_case(form: Form) -> HttpResponse:
        code = form.problems.get("reason", "")
        problems = form_problems({field: code}, order=(), typed={}) if code else []
        return show(request, row, status=form.status, problems=problems, code=code)

    def late() -> HttpResponse:
        row.refresh_from_db()
        words = _("It was too late: someone or something else was first. This is how it stands now.")
        return show(request, row, status=409, problems=[Problem("case", words)])

    return form_page(request, Form(typed), show=show_case, send=send, late=late)


def there(row: Transfer, done: str) -> str:
    """The case, which says in the language of this page what was done."""
    return f"{OVERSEE_PATH}/transfers/{row.public_id}?lang={translation.get_language()}&done={done}"


@allow_methods("POST")
@permitted(Act.CLOSE_TRANSFER)
def close(request: HttpRequest, public_id: str) -> HttpResponse:
    row, now = transfer_named(request, public_id, Act.CLOSE_TRANSFER), timezone.now()

    def act(reason: oversee.Reason) -> None:
        oversee.close_transfer(row, reason=reason, services=current_services(), now=now)

    return carry_out(request, row, act, field="reason-close", done="closed")


@allow_methods("POST")
@permitted(Act.WITHDRAW_REQUEST)
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    row, now = transfer_named(request, public_id, Act.WITHDRAW_REQUEST), timezone.now()

    def act(reason: oversee.Reason) -> None:
        oversee.withdraw(row, reason=reason, services=current_services(), now=now)

    return carry_out(request, row, act, field="reason-withdraw", done="withdrawn")


def is_break_glass(request: HttpRequest) -> bool:
    """Whether they signed in with an account that is kept for when the provider does not answer."""
    session = staff_session(request)
    is_local = session is not None and session.person.is_local
    return is_local and settings.POLICY.local_sign_in is LocalSignIn.BREAK_GLASS


def file_named(public_id: str) -> TransferFile:
    file = TransferFile.objects.select_related("transfer").filter(public_id=public_id).first()
    if file is None:
        raise Http404
    return file


@allow_methods("POST")
@permitted(Act.RELEASE_FILE)
def release(request: HttpRequest, public_id: str) -> HttpResponse:
    file, now = file_named(public_id), timezone.now()

    def act(reason: oversee.Reason) -> str:
        is_done = oversee.release_file(
            file,
            reason=reason,
            role=standing_in(request).role_for(Act.RELEASE_FILE),
            by_two=settings.POLICY.release_persons == 2,
            may_be_second=not is_break_glass(request),
            now=now,
        )
        return "released" if is_done else "release-asked"

    return carry_out(request, file.transfer, act, field=f"reason-release-{file.public_id}", done="released")


@allow_methods("POST")
@permitted(Act.REMOVE_FILE)
def remove(request: HttpRequest, public_id: str) -> HttpResponse:
    file, now = file_named(public_id), timezone.now()

    def act(reason: oversee.Reason) -> None:
        oversee.remove_file(file, reason=reason, now=now)

    return carry_out(request, file.transfer, act, field=f"reason-{file.public_id}", done="removed")


@allow_methods("POST")
@permitted(Act.SEND_AGAIN)
def send_again(request: HttpRequest, public_id: str) -> HttpResponse:
    """Queues a letter that was given up once more; 409 with the reason if that is no use."""
    letter = Letter.objects.filter(public_id=public_id).first()
    case = letter.cases.select_related("transfer").first() if letter else None
    if letter is None or case is None:
        raise Http404
    transfer_named(request, case.transfer.public_id, Act.SEND_AGAIN)
    by = Cause(standing_in(request).role_for(Act.SEND_AGAIN), f"user:{request.user.pk}")
    try:
        queue_again(letter, by=by, services=current_services(), now=timezone.now())
    except NotSentAgain as refused:
        problem = Problem("letters", not_sent_again(refused.code))
        return show(request, case.transfer, status=409, problems=[problem])
    return HttpResponseRedirect(there(case.transfer, "sent-again"), status=303)


def not_sent_again(why: str) -> str:
    words = {
        "untrue": _("The email is no longer true, so it was not sent again."),
        "lost": _("The text of the email is gone and cannot be written again."),
        "not-given-up": _("The email has not been given up, so there is nothing to send again."),
    }
    return words[why]
