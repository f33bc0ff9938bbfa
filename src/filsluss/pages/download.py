"""The recipient's pages: the files of a link, the file of a code, and the form for a code."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from filsluss.actions.ask_again import ask_again as ask
from filsluss.actions.ask_again import may_be_asked_for
from filsluss.actions.download import pickup_by_code
from filsluss.installation import current_services
from filsluss.models import Link, Party, TransferFile
from filsluss.models.batches import MOST_NAMES
from filsluss.models.link import FILE_PURPOSES, token_of
from filsluss.pages import errors, presenters
from filsluss.pages.context import client_of, posted_text, use_language
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.form_page import Form, form_page
from filsluss.pages.links import link_behind, report_page
from filsluss.pages.upload import ended_words
from filsluss.rules.lifecycle import FileState
from filsluss.rules.paths import DOWNLOAD, ZIP
from filsluss.rules.refusals import FormRefused, Refused
from filsluss.rules.tokens import Purpose, code_problem


@allow_methods("GET")
@private_page
def pickup(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a letter's link shows every ready file, its own first; that of a code only its file."""
    link, file = file_behind(request, token)
    return show(request, file, token, link) if is_there(file) else gone(request, file, token)


@allow_methods("POST")
@private_page
def ask_again(request: HttpRequest, token: str) -> HttpResponse:
    """Has the sender asked to send the files again; the page says the same whether a letter was written."""
    _link, file = file_behind(request, token)
    if not is_there(file):
        ask(file, client=client_of(request), services=current_services(), now=timezone.now())
    there = f"{DOWNLOAD.path(token)}?lang={translation.get_language()}"
    return HttpResponseRedirect(f"{there}&asked=1", status=303)


@private_page
def refused(request: HttpRequest, token: str, refusal: Refused) -> HttpResponse:
    """Why a download was refused, and of a file that is gone, where it went."""
    _link, file = file_behind(request, token)
    return errors.refused(request, refusal) if is_there(file) else gone(request, file, token)


def file_behind(request: HttpRequest, token: str) -> tuple[Link, TransferFile]:
    link = link_behind(token, *FILE_PURPOSES)
    assert link.file is not None
    use_language(request, link.party.language)
    return link, link.file


def is_there(file: TransferFile) -> bool:
    return file.transfer.is_open_at(timezone.now()) and file.state == FileState.READY


def others_of(file: TransferFile, party: Party) -> list[tuple[TransferFile, str]]:
    """The transfer's other ready files, each with the token of this party's own link to it."""
    ready = file.transfer.files.ready().exclude(pk=file.pk).prefetch_related(*presenters.WITH_LETTERS)
    links = Link.objects.filter(party=party, purpose=Purpose.DOWNLOAD, revoked_at=None, file__in=ready)
    tokens = {link.file_id: link.token(settings.POLICY.link_keys) for link in links}
    return [
        (other, tokens[other.pk]) for other in ready.iterator(chunk_size=MOST_NAMES) if other.pk in tokens
    ]


def show(request: HttpRequest, file: TransferFile, token: str, link: Link) -> HttpResponse:
    transfer, by_letter = file.transfer, link.purpose == Purpose.DOWNLOAD
    assert transfer.open_until is not None
    # A code's page must not show the letter's link, which opens every file.
    others = others_of(file, link.party) if by_letter else []
    shown = [(file, token), *others]
    addresses = [presenters.bytes_address(own, each) for each, own in shown]
    page: dict[str, Any] = {
        "transfer": transfer,
        "sender_name": presenters.sender_name(transfer),
        "files": list(zip((presenters.file_view(each) for each, _ in shown), addresses, strict=True)),
        "report": report_page(link.party) if by_letter else "",
        "everything": ZIP.path(token, f"{transfer.public_id}.zip") if others else "",
        "through": presenters.last_day(transfer.open_until),
        "time_left": presenters.days_left(transfer.open_until, timezone.now()),
    }
    return render(request, "pages/download.html", page)


def gone(request: HttpRequest, file: TransferFile, token: str) -> HttpResponse:
    """410: whose file it was and why it is gone; a button has the sender asked for it, if that can help.

    Nobody is told to ask for a file again that an administrator took away.
    """
    transfer, now = file.transfer, timezone.now()
    open_still = transfer.is_open_at(now)
    why = presenters.gone_words(file) if open_still else ended_words(transfer)
    whose = _("It was a file from %(name)s.") % {"name": presenters.short_name(transfer).removesuffix(".")}
    asked = request.GET.get("asked") == "1" and request.method == "GET"
    more = {"done": asked_words()} if asked else {}
    if not asked and may_be_asked_for(file, now=now):
        more = {
            "ask": DOWNLOAD.path(token, "ask-again"),
            "ask_words": _(
                "Do you still need it? The sender then gets an email that leads to a new request."
            ),
            "ask_button": _("Ask the sender to send it again"),
        }
    return errors.error_page(
        request,
        410,
        _("The file is no longer available"),
        f"{whose} {why}",
        links=(errors.CODE, errors.HELP),
        facts=[(_("Reference"), transfer.public_id)],
        more=more,
    )


def asked_words() -> str:
    return _("The sender is being asked by email. You get an email if they send it again.")


@allow_methods("GET", "POST")
def code(request: HttpRequest) -> HttpResponse:
    typed = posted_text(request, "code").strip()

    def send() -> str:
        if problem := code_problem(typed):
            raise FormRefused({"code": problem})
        pickup = pickup_by_code(
            typed, client=client_of(request), services=current_services(), now=timezone.now()
        )
        token = token_of(pickup.party, Purpose.PICKUP, settings.POLICY.link_keys, file=pickup.file)
        return DOWNLOAD.path(token)

    def show_code(form: Form) -> HttpResponse:
        response = render(request, "pages/code.html", form.values(), status=form.status)
        response.headers["Cache-Control"] = "no-store"
        return response

    return form_page(request, Form({"code": typed}, ("code",)), show=show_code, send=send)
