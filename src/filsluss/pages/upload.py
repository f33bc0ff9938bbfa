"""The sender's page: files to choose, what became of each, and taking one back."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from filsluss.actions.upload import remove_own
from filsluss.models import Transfer
from filsluss.pages import errors, presenters
from filsluss.pages.context import posted_text, use_language
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import Problem
from filsluss.rules.lifecycle import State
from filsluss.rules.tokens import Purpose


def transfer_behind(request: HttpRequest, token: str) -> Transfer:
    """The account of that link, once it has been opened; raises Http404."""
    transfer = Transfer.objects.by_link(token, Purpose.UPLOAD).first()
    if transfer is None or transfer.state in (State.NEW, State.PENDING):
        raise Http404
    use_language(request, transfer.language)
    return transfer


@allow_methods("GET", "POST")
@private_page
def account(request: HttpRequest, token: str) -> HttpResponse:
    """GET, and what the byte door handed on: an upload it refused, or a form without a file."""
    transfer = transfer_behind(request, token)
    if not transfer.is_open_at(timezone.now()):
        return ended(request, transfer)
    if request.method == "POST" and "filsluss.refusal" not in request.META:
        return show(request, transfer, token, status=422, code="form_invalid")
    if request.META.get("filsluss.refusal") == "forbidden_origin":
        return errors.cross_site_form(request)
    if "filsluss.refusal" in request.META:
        code = str(request.META["filsluss.refusal"])
        return show(request, transfer, token, status=errors.refusal_status(request), code=code)
    return show(request, transfer, token)


def show(
    request: HttpRequest,
    transfer: Transfer,
    token: str,
    *,
    status: int = 200,
    code: str = "",
    unsure: bool = False,
) -> HttpResponse:
    assert transfer.open_until is not None
    files = transfer.files.prefetch_related("letters").order_by("created_at", "id")
    page: dict[str, Any] = {
        "transfer": transfer,
        "action": f"/upload/{token}",
        "through": presenters.last_day(transfer.open_until),
        "time_left": presenters.days_left(transfer.open_until, timezone.now()),
        "files": [presenters.file_view(file) for file in files],
        "problems": problems_of(code, unsure),
        "error": errors.refusal_words(code)[0] if code else "",
    }
    return render(request, "pages/upload.html", page, status=status)


def problems_of(code: str, unsure: bool) -> list[Problem]:
    """What became of a file that was refused, or of one that was to be taken back and stays."""
    if unsure:
        return [Problem("files", _("Tick the box to confirm that the file is to be deleted"))]
    return [Problem("file", ". ".join(errors.refusal_words(code)))] if code else []


@allow_methods("POST")
@private_page
def remove(request: HttpRequest, token: str) -> HttpResponse:
    """Takes one of the sender's own files back; asking again does no harm."""
    transfer = transfer_behind(request, token)
    now = timezone.now()
    if not transfer.is_open_at(now):
        return ended(request, transfer)
    if not posted_text(request, "file"):
        return show(request, transfer, token, status=422, unsure=True)
    file = transfer.files.select_related("transfer").filter(public_id=posted_text(request, "file")).first()
    if file is None:
        raise Http404
    remove_own(file, policy=settings.POLICY, now=now)
    return HttpResponseRedirect(f"/upload/{token}", status=303)


def ended(request: HttpRequest, transfer: Transfer) -> HttpResponse:
    """The account is over: when and by whom, and whether the bytes are gone already."""
    if transfer.state in (State.REJECTED, State.LAPSED):
        return errors.gone(request)
    erased = transfer.state == State.CLOSED
    fate = _("The files have been deleted.") if erased else _("The files are being deleted.")
    return errors.error_page(
        request,
        410,
        _("The account has ended"),
        ended_words(transfer),
        fate,
        ways=(errors.NEW_REQUEST, errors.HELP),
    )


def ended_words(transfer: Transfer) -> str:
    if transfer.closed_reason:
        return _("The account has been closed by the system administrator.")
    last = presenters.last_day(transfer.open_until)
    return _("It could be used through %(date)s.") % {"date": last.text if last else ""}
