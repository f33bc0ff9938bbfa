"""Calm pages: what has happened, why, and what to do next, without blame and without a secret."""

import math
from collections.abc import Collection, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from filsluss.rules.formats import size_text

NEW_REQUEST, CODE, HELP = "/", "/code", "/help"


def error_page(
    request: HttpRequest,
    status: int,
    heading: str,
    *text: str,
    ways: Sequence[str] = (HELP,),
    facts: Sequence[tuple[str, Any]] = (),
) -> HttpResponse:
    """One heading, a few sentences, and where to go from here."""
    labels = {
        NEW_REQUEST: _("Make a new request"),
        CODE: _("Download a file with a code"),
        HELP: _("Help"),
    }
    page = {
        "heading": heading,
        "text": text,
        "ways": [(way, labels[way]) for way in ways],
        "facts": facts,
        "is_error": status >= 400 and status != 410,
    }
    response = render(request, "pages/error.html", page, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def wait_text(seconds: int) -> str:
    minutes = max(1, math.ceil(seconds / 60))
    return ngettext("Wait %(n)d minute and try again.", "Wait %(n)d minutes and try again.", minutes) % {
        "n": minutes
    }


def unknown_link(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        404,
        _("Page not found"),
        _("Check the address. If you copied a link from an email, make sure you copied all of it."),
        _("A link also stops working some time after the files have been deleted."),
        ways=(NEW_REQUEST, CODE, HELP),
    )


def cross_site_form(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        403,
        _("The form was not sent from this service"),
        _("Nothing has been changed. Open the link in the email, or the start page, and try again."),
        ways=(NEW_REQUEST, HELP),
    )


def expired_form(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        403,
        _("The page needs to be reloaded"),
        _("The form was too old. Reload the page and try again."),
    )


def method_not_allowed(request: HttpRequest, allowed: Collection[str]) -> HttpResponse:
    response = error_page(
        request,
        405,
        _("The page cannot be used that way"),
        _("Open the page in a web browser and try again."),
    )
    response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def bad_request(request: HttpRequest) -> HttpResponse:
    return error_page(request, 400, _("Something went wrong"), _("Go back and try again."))


def gone(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        410,
        _("The link is no longer valid"),
        _("The time is up, or the file has been removed."),
        ways=(NEW_REQUEST, HELP),
    )


def refusal_words(code: str) -> tuple[str, str]:
    """What happened to a file, and what to do, by the stable code of the refusal."""
    language = translation.get_language()
    largest = {"size": size_text(settings.POLICY.max_file_size, language)}
    cut = (_("The upload was interrupted"), _("The file has not been sent. Upload it again."))
    none = (_("No file was chosen"), _("Choose a file and upload it."))
    words = {
        "too_large": (_("The file is too large"), _("A file can be up to %(size)s.") % largest),
        "quota_exceeded": (
            _("There is not enough space on the account"),
            _("Remove a file you no longer need, or make a new request."),
        ),
        "disk_full": (
            _("There is no room for more files right now"),
            _("Files you have already uploaded are still there. Try again later."),
        ),
        "filename_invalid": (
            _("The file has a name that cannot be used"),
            _("Give the file another name and upload it again."),
        ),
        "body_short": cut,
        "read_timeout": cut,
        "connection_reset": cut,
        "form_invalid": none,
        "file_missing": none,
        "shutting_down": (
            _("The service is restarting"),
            _("Files you have already uploaded are still there. Try again in a minute."),
        ),
        "busy": (_("The service is busy"), _("Wait a while and try again.")),
        "damaged": (_("The file is damaged in storage"), _("Upload it again, or ask the sender to do so.")),
        "rate_limited": (_("Too many attempts"), _("Wait a while and try again.")),
    }
    plain = (_("The file could not be uploaded"), _("Nothing has been stored. Try again."))
    return words.get(code, plain)


def refused(request: HttpRequest) -> HttpResponse:
    """A request for bytes that was refused before it came here."""
    code, status = request.META.get("filsluss.refusal", "not_found"), refusal_status(request)
    if status == 404:
        return unknown_link(request)
    if status == 410:
        return gone(request)
    if status == 403:
        return cross_site_form(request)
    return error_page(request, status, *refusal_words(code))


def refusal_status(request: HttpRequest) -> int:
    status = request.META.get("filsluss.refusal_status", 404)
    return status if isinstance(status, int) and 400 <= status <= 599 else 404


def busy(request: HttpRequest) -> HttpResponse:
    """What this needs does not answer just now; nothing of the request was kept."""
    response = error_page(request, 503, _("The service is busy"), _("Wait a while and try again."))
    response.headers["Retry-After"] = "5"
    return response


def handler400(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return bad_request(request)


def handler403(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(
        request,
        403,
        _("You do not have access to this page"),
        _("Check that you opened the whole link from the email."),
    )


def handler404(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return unknown_link(request)


def handler500(request: HttpRequest) -> HttpResponse:
    try:
        return error_page(
            request,
            500,
            _("Something went wrong on our side"),
            _("The error has been logged. Try again in a while. Files already uploaded are still there."),
        )
    except Exception:  # noqa: BLE001 - the page itself may be what is broken
        return HttpResponse("500 Filsluss: something went wrong on our side.", "text/plain", 500)
