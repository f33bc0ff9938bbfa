"""The acts on a transfer or a file: end, withdraw, let through, delete and give back; a letter again."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from filsluss.actions import consequences, oversee
from filsluss.actions.extend import extend as extend_account
from filsluss.actions.extend import more_days
from filsluss.actions.send_again import NotSentAgain
from filsluss.actions.send_again import send_again as queue_again
from filsluss.actions.transitions import Cause, StepRefused
from filsluss.installation import current_services
from filsluss.models import Letter, TransferFile
from filsluss.pages import presenters
from filsluss.pages.context import posted_text
from filsluss.pages.day_choices import later_days
from filsluss.pages.decorators import allow_methods
from filsluss.pages.error_messages import Problem
from filsluss.pages.oversee.access import permitted, standing_in
from filsluss.pages.oversee.act_pages import ActPage, carry_out, there, too_late
from filsluss.pages.oversee.labels import removal_label
from filsluss.pages.oversee.search import reached
from filsluss.pages.oversee.transfers import show, transfer_named
from filsluss.pages.staff.access import staff_session
from filsluss.rules.lifecycle import KEPT_FILE, FileState, RemovalCode, State
from filsluss.rules.permissions import Act
from filsluss.rules.sign_in import LocalSignIn


@allow_methods("GET", "POST")
@permitted(Act.CLOSE_TRANSFER)
def close(request: HttpRequest, public_id: str) -> HttpResponse:
    row, now = transfer_named(request, public_id, Act.CLOSE_TRANSFER), timezone.now()
    page = ActPage(
        row,
        heading=_("End the account"),
        button=_("End the account and delete its files"),
        reason_id="reason-close",
        before=presenters.consequence_words(consequences.of_closing(row)),
        is_possible=row.state == State.OPEN,
    )

    def act(reason: oversee.Reason) -> None:
        oversee.close_transfer(row, reason=reason, services=current_services(), now=now)

    return carry_out(request, page, act, done="closed")


@allow_methods("GET", "POST")
@permitted(Act.WITHDRAW_REQUEST)
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    row, now = transfer_named(request, public_id, Act.WITHDRAW_REQUEST), timezone.now()
    page = ActPage(
        row,
        heading=_("Withdraw the request"),
        button=_("Withdraw the request"),
        reason_id="reason-withdraw",
        before=presenters.consequence_words(consequences.of_withdrawing(row)),
        is_possible=row.state == State.PENDING,
    )

    def act(reason: oversee.Reason) -> None:
        oversee.withdraw(row, reason=reason, services=current_services(), now=now)

    return carry_out(request, page, act, done="withdrawn")


@allow_methods("GET", "POST")
@permitted(Act.EXTEND_TRANSFER)
def extend(request: HttpRequest, public_id: str) -> HttpResponse:
    row, now = transfer_named(request, public_id, Act.EXTEND_TRANSFER), timezone.now()
    most = more_days(row, policy=settings.POLICY, now=now)
    page = ActPage(
        row,
        heading=_("Extend the account"),
        button=_("Extend the account"),
        reason_id="reason-extend",
        is_possible=most > 0,
        more={"audit_only": True, "day_choices": later_days(row, most, chosen=posted_text(request, "days"))},
    )

    def act(reason: oversee.Reason) -> None:
        extend_account(
            row,
            days=posted_text(request, "days").strip(),
            reason=reason,
            role=standing_in(request).role_for(Act.EXTEND_TRANSFER),
            services=current_services(),
            now=now,
        )

    return carry_out(request, page, act, done="extended")


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


@allow_methods("GET", "POST")
@permitted(Act.RELEASE_FILE)
def release(request: HttpRequest, public_id: str) -> HttpResponse:
    file, now = file_named(public_id), timezone.now()
    page = ActPage(
        file.transfer,
        heading=_("Let the file through without a virus check"),
        button=_("Let the file through"),
        reason_id=f"reason-release-{file.public_id}",
        file_name=file.path,
        is_possible=file.state == FileState.UNSCANNED,
        more={"audit_only": True},
    )

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

    return carry_out(request, page, act, done="released")


@allow_methods("GET", "POST")
@permitted(Act.REMOVE_FILE)
def remove(request: HttpRequest, public_id: str) -> HttpResponse:
    file, now = file_named(public_id), timezone.now()
    waits = file.state == FileState.WITHHELD
    page = ActPage(
        file.transfer,
        heading=_("Delete the file now") if waits else _("Delete the file"),
        button=_("Delete file"),
        reason_id=f"reason-{file.public_id}",
        file_name=file.path,
        is_possible=file.state in KEPT_FILE,
        **removal_words(file),
    )

    def act(reason: oversee.Reason) -> str:
        code = posted_text(request, "why") if "why" in request.POST else RemovalCode.OTHER.value
        removal = oversee.Removal(reason, code, at_once=bool(posted_text(request, "erase_now")))
        done = oversee.remove_or_withhold(file, removal=removal, services=current_services(), now=now)
        return "withheld" if done else "removed"

    return carry_out(request, page, act, done="removed")


def removal_words(file: TransferFile) -> dict[str, Any]:
    """What the page of a removal says beforehand, and the reasons to choose from."""
    before = presenters.consequence_words(consequences.of_removing(file))
    may_wait = oversee.may_wait(file, services=current_services(), now=timezone.now())
    if may_wait:
        hours = int(settings.POLICY.undo_lasts.total_seconds() // 3600)
        undo = ngettext(
            "The file can no longer be downloaded, and for %(n)d hour it can be restored. After that:",
            "The file can no longer be downloaded, and for %(n)d hours it can be restored. After that:",
            hours,
        )
        before = f"{undo % {'n': hours}} {before}"
    more = {
        "codes": [(code.value, removal_label(code)) for code in RemovalCode],
        "may_wait": may_wait,
        "erases_now": file.state == FileState.WITHHELD,
    }
    return {"before": before, "more": more}


@allow_methods("POST")
@permitted(Act.GIVE_BACK_FILE)
def give_back(request: HttpRequest, public_id: str) -> HttpResponse:
    """Undoes a removal; 409 once that is too late."""
    file, person = file_named(public_id), f"user:{request.user.pk}"
    try:
        oversee.give_back(file, person=person, services=current_services(), now=timezone.now())
    except StepRefused:
        return too_late(request, file.transfer)
    return HttpResponseRedirect(there(file.transfer, "given-back"), status=303)


@allow_methods("POST")
@permitted(Act.SEND_AGAIN)
def send_again(request: HttpRequest, public_id: str) -> HttpResponse:
    """Queues a letter that was given up once more; 409 with the reason if that is no use.

    A letter may list several cases: the page that comes is of the one where the button was pressed.
    """
    letter = get_object_or_404(Letter, public_id=public_id)
    told_of = reached(standing_in(request), Act.SEND_AGAIN).filter(letter_cases__letter=letter)
    transfer = told_of.filter(public_id=posted_text(request, "case")).first() or told_of.first()
    if transfer is None:
        raise Http404
    by = Cause(standing_in(request).role_for(Act.SEND_AGAIN), f"user:{request.user.pk}")
    try:
        queue_again(letter, by=by, services=current_services(), now=timezone.now())
    except NotSentAgain as refused:
        problem = Problem("letters", not_sent_again(refused.code))
        return show(request, transfer, status=409, problems=[problem])
    return HttpResponseRedirect(there(transfer, "sent-again"), status=303)


def not_sent_again(why: str) -> str:
    words = {
        "untrue": _("The email is no longer true, so it was not sent again."),
        "lost": _("The text of the email is gone and cannot be written again."),
        "not-given-up": _("The email has not been given up, so there is nothing to send again."),
    }
    return words[why]
