"""The sender's page: uploads files, shows the state of each, and removes one."""

import re
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from filsluss.actions.completion import send_now
from filsluss.actions.upload import remove_own
from filsluss.installation import current_services
from filsluss.letters.collecting import QUIET
from filsluss.models import Letter, Transfer
from filsluss.models.batches import MOST_NAMES
from filsluss.pages import errors, presenters
from filsluss.pages.context import posted_text, use_language
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import Problem, with_names
from filsluss.pages.links import again_page, link_behind, own_page
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import ErasedBecause, Receipts, State
from filsluss.rules.paths import UPLOAD
from filsluss.rules.refusals import Refused
from filsluss.rules.suggestions import suggested_address
from filsluss.rules.tokens import Purpose

MOST_ROWS = 200
PUBLIC_ID = re.compile("[0-9A-Z]{4}-[0-9A-Z]{4}")


def transfer_behind(request: HttpRequest, token: str) -> Transfer:
    """The transfer of an upload link; raises Http404 before it is approved."""
    link = link_behind(token, Purpose.UPLOAD)
    if link.transfer.state in (State.NEW, State.PENDING):
        raise Http404
    use_language(request, link.party.language)
    return link.transfer


@allow_methods("GET", "POST")
@private_page
def account(request: HttpRequest, token: str) -> HttpResponse:
    """A form that comes here, and not to streams/, is none of this page's."""
    transfer = transfer_behind(request, token)
    if not transfer.is_open_at(timezone.now()):
        return ended(request, transfer)
    if request.method == "POST":
        return show(request, transfer, token, refused=Refused("file_missing"))
    return show(request, transfer, token)


@private_page
def refused(request: HttpRequest, token: str, refusal: Refused) -> HttpResponse:
    """The same page, which says why an upload was refused."""
    transfer = transfer_behind(request, token)
    if not transfer.is_open_at(timezone.now()):
        return ended(request, transfer)
    if refusal.status == 403:
        return errors.cross_site_form(request)
    return errors.with_retry_after(show(request, transfer, token, refused=refusal), refusal)


def show(
    request: HttpRequest,
    transfer: Transfer,
    token: str,
    *,
    refused: Refused | None = None,
    unconfirmed: bool = False,
) -> HttpResponse:
    """The page; with why an upload was refused, or that a removal was not confirmed (422)."""
    assert transfer.open_until is not None
    files = transfer.files.prefetch_related(*presenters.WITH_LETTERS).order_by("created_at", "id")
    if rows := request.GET.get("rows"):  # the script wants the rows of some files anew
        files = files.filter(public_id__in=PUBLIC_ID.findall(rows)[:MOST_ROWS])
    page: dict[str, Any] = {
        "transfer": transfer,
        "action": UPLOAD.path(token),
        "again": again_page(transfer.sender),
        "own_page": own_page(transfer.sender),
        "to": transfer.recipient.address.rpartition("@"),
        "meant": suggested_address(transfer.recipient.address, inside_domains=settings.POLICY.inside_domains),
        "through": presenters.last_day(transfer.open_until),
        "time_left": presenters.days_left(transfer.open_until, timezone.now()),
        "share_left": share_left(transfer, timezone.now()),
        "files": [presenters.file_view(file) for file in files.iterator(chunk_size=MOST_NAMES)],
        "receipts": [(each.value, words) for each, words in receipt_words().items()],
        "collects": collects(transfer),
        "quiet": quiet_words(),
        "problems": problems_of(refused, unconfirmed),
        "done": done_words(request.GET.get("done", ""), transfer),
        "error": errors.refusal_words(refused.code)[0] if refused else "",
    }
    status = refused.status if refused else 422 if unconfirmed else 200
    return render(request, "pages/upload.html", page, status=status)


def share_left(transfer: Transfer, now: datetime) -> int:
    """How many percent of the account's days are left, today included: 1 to 100."""
    assert transfer.open_until is not None
    whole = settings.POLICY.days_left(transfer.open_until, transfer.decided_at or transfer.applied_at) + 1
    return max(1, min(100, 100 * (settings.POLICY.days_left(transfer.open_until, now) + 1) // max(1, whole)))


def problems_of(refused: Refused | None, unconfirmed: bool) -> list[Problem]:
    """Why which file was refused, and which others came; or that a removal was not confirmed."""
    if unconfirmed:
        return [Problem("files", _("Tick the box to confirm that the file is to be deleted"))]
    if not refused:
        return []
    words = ". ".join(errors.refusal_words(refused.code))
    if refused.params.get("file"):
        name = presenters.sent_name(refused.params["file"])
        words = format_html("{}{}", with_names("%(file)s: ", file=name), words)
    if refused.params.get("received"):
        received = ", ".join(refused.params["received"])
        words = format_html(
            "{} {}", words, with_names(_("These files were uploaded: %(names)s."), names=received)
        )
    return [Problem("file", words)]


@allow_methods("POST")
@private_page
def remove(request: HttpRequest, token: str) -> HttpResponse:
    """Removes one of the sender's own files; idempotent."""
    transfer = transfer_behind(request, token)
    now = timezone.now()
    if not transfer.is_open_at(now):
        return ended(request, transfer)
    if not posted_text(request, "file"):
        return show(request, transfer, token, unconfirmed=True)
    file = transfer.files.select_related("transfer").filter(public_id=posted_text(request, "file")).first()
    if file is None:
        raise Http404
    remove_own(file, now=now)
    return back(token, "removed")


def back(token: str, done: str) -> HttpResponse:
    """Leads to the page again, which says in the language of this one what was done."""
    there = f"{UPLOAD.path(token)}?lang={translation.get_language()}&done={done}"
    return HttpResponseRedirect(there, status=303)


def done_words(done: str, transfer: Transfer) -> str:
    """What the page says first after something was done; empty if that is not true."""
    if done == "removed" and transfer.files.filter(erased_because=ErasedBecause.WITHDRAWN).exists():
        return _("The file has been deleted.")
    sent = _("The email is being sent.")
    if collects(transfer):
        sent = _("The recipient has had many emails within an hour. The next is sent in %(time)s.")
        sent %= {"time": quiet_words()}
    words = {"sent": sent, "corrected": _("The request has been corrected.")}
    return words.get(done, "")


def collects(transfer: Transfer) -> bool:
    """Whether a letter about several files waits for more of them."""
    return Letter.objects.collecting().filter(kind=LetterKind.FILES_READY).about(transfer).exists()


def quiet_words() -> str:
    """How long a letter about several files waits after the last of them."""
    minutes = int(QUIET.total_seconds() // 60)
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}


def receipt_words() -> dict[Receipts, str]:
    return {
        Receipts.FIRST: _("Yes, the first time"),
        Receipts.EACH: _("Yes, every time"),
        Receipts.NONE: _("No"),
    }


@allow_methods("POST")
@private_page
def send(request: HttpRequest, token: str) -> HttpResponse:
    """Sends the one letter about all files without waiting for more; idempotent."""
    transfer = transfer_behind(request, token)
    now = timezone.now()
    if not transfer.is_open_at(now):
        return ended(request, transfer)
    send_now(transfer, services=current_services(), now=now)
    return back(token, "sent")


def ended(request: HttpRequest, transfer: Transfer) -> HttpResponse:
    """410: which request it was, when or by whom it was ended, and whether its files are deleted yet.

    Nobody is led to a new request from a case that an administrator has closed.
    """
    again = (again_page(transfer.sender), _("Send to the same recipient again"))
    heading, *text = undecided_words(transfer) or account_words(transfer)
    return errors.error_page(
        request,
        410,
        heading,
        *text,
        links=(errors.HELP,) if transfer.closed_reason else (again, errors.HELP),
        facts=[(_("Reference"), transfer.public_id)],
    )


def undecided_words(transfer: Transfer) -> tuple[str, ...]:
    """Heading and text for an application that never became an account; nothing for one that did."""
    if transfer.state == State.WITHDRAWN:
        return (_("You have withdrawn the request"),)
    if transfer.state == State.LAPSED:
        text = _("Nobody answered by %(date)s.") % {"date": presenters.answer_by(transfer).text}
        return _("The request has been closed"), text
    if transfer.state == State.REJECTED and transfer.closed_reason:
        return _("The request has been withdrawn"), _("The system administrator has withdrawn it.")
    if transfer.state == State.REJECTED:
        return _("The request is rejected"), _("The reason is in the email we have sent you.")
    return ()


def account_words(transfer: Transfer) -> tuple[str, ...]:
    erased = transfer.state == State.CLOSED
    files = _("The files have been deleted.") if erased else _("The files are being deleted.")
    return _("The account has ended"), ended_words(transfer), files


def ended_words(transfer: Transfer) -> str:
    if transfer.closed_reason:
        return _("The account has been ended by the system administrator.")
    last = presenters.last_day(transfer.open_until)
    return _("The time was up on %(date)s.") % {"date": last.text if last else ""}
