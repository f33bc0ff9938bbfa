"""The recipient's pages: the files behind a letter's link, one file behind a code, and the code itself."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from filsluss.actions.download import TooManyTries, WrongCode, file_by_code
from filsluss.models import TransferFile
from filsluss.pages import errors, presenters
from filsluss.pages.context import client_of, posted_text, use_language
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import form_problems
from filsluss.pages.status import report_page
from filsluss.pages.upload import ended_words
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import WHOLE_FILE, FileState


@allow_methods("GET")
@private_page
def pickup(request: HttpRequest, token: str) -> HttpResponse:
    """From a letter: every ready file, the letter's own first. By a code: that file and no other."""
    by_letter = TransferFile.objects.by_link(token).first()
    file = by_letter or TransferFile.objects.by_pickup(token).first()
    if file is None or file.state == FileState.UPLOADING:
        raise Http404
    use_language(request, file.transfer.language)
    is_open = file.transfer.is_open_at(timezone.now())
    if not is_open or file.state not in WHOLE_FILE:
        return gone(request, file)
    if "filsluss.refusal" in request.META:
        return errors.refused(request)
    if file.state != FileState.READY:
        return render(request, "pages/preparing.html", {"transfer": file.transfer})
    others = file.transfer.files.ready().exclude(pk=file.pk).prefetch_related("letters") if by_letter else ()
    return show(request, file, list(others), token, by_letter=by_letter is not None)


def show(
    request: HttpRequest, file: TransferFile, others: list[TransferFile], token: str, *, by_letter: bool
) -> HttpResponse:
    transfer, keys = file.transfer, settings.POLICY.link_keys
    assert transfer.open_until is not None
    # Whoever came with a code fetches with what the code opened, and so never holds the letter's link.
    addresses = [presenters.bytes_address(token, file)]
    addresses += [presenters.bytes_address(other.token(keys), other) for other in others]
    page: dict[str, Any] = {
        "transfer": transfer,
        "files": list(zip(map(presenters.file_view, (file, *others)), addresses, strict=True)),
        "report": report_page(transfer, Role.RECIPIENT) if by_letter else "",
        "everything": f"/zip/{token}/{transfer.public_id}.zip" if others else "",
        "through": presenters.last_day(transfer.open_until),
        "time_left": presenters.days_left(transfer.open_until, timezone.now()),
    }
    return render(request, "pages/download.html", page)


def gone(request: HttpRequest, file: TransferFile) -> HttpResponse:
    """Who took it away, in the house's words, and whom to ask."""
    if file.transfer.is_open_at(timezone.now()):
        why = presenters.because_words(file.erased_because)
    else:
        why = ended_words(file.transfer)
    return errors.error_page(
        request,
        410,
        _("The file is no longer available"),
        why,
        _("Ask the sender to send it again."),
        ways=(errors.CODE, errors.HELP),
    )


@allow_methods("GET", "POST")
def code(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return code_form(request, "")
    given = posted_text(request, "code").strip()[:100]
    if not given:
        return code_form(request, given, status=422, problem="code_empty")
    policy = settings.POLICY
    try:
        file = file_by_code(given, client=client_of(request), policy=policy, now=timezone.now())
    except WrongCode:
        return code_form(request, given, status=422, problem="code_wrong")
    except TooManyTries as crowd:
        return too_many(request, given, crowd.retry_after)
    return HttpResponseRedirect(f"/download/{file.pickup_token(policy.link_keys)}", status=303)


def code_form(
    request: HttpRequest, given: str, *, status: int = 200, problem: str = "", notice: str = ""
) -> HttpResponse:
    found = form_problems({"code": problem} if problem else {}, order=("code",), typed={})
    page = {
        "typed": {"code": given},
        "problems": found,
        "errors": {each.field: each.text for each in found},
        "notice": notice,
    }
    response = render(request, "pages/code.html", page, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def too_many(request: HttpRequest, given: str, seconds: int) -> HttpResponse:
    wait = errors.wait_text(seconds)
    notice = _("%(wait)s You can also use the link in the email at any time.") % {"wait": wait}
    response = code_form(request, given, status=429, notice=notice)
    response.headers["Retry-After"] = str(seconds)
    return response
