"""Error pages: what happened, why, and what to do next, without blame and without secrets."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from filsluss.actions.limits import Limit, LimitReached
from filsluss.pages import presenters
from filsluss.rules import paths
from filsluss.rules.formats import size_text
from filsluss.rules.refusals import STATUS, Refused
from filsluss.rules.sign_in import SignIn

NEW_REQUEST, CODE, HELP = paths.START.path(), paths.CODE.path(), paths.HELP.path()
LOST_LINK = paths.LOST_LINK.path()


def error_page(
    request: HttpRequest,
    status: int,
    heading: str,
    *text: str,
    links: Sequence[str | tuple[str, str]] = (HELP,),
    facts: Sequence[tuple[str, Any]] = (),
    more: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """A heading, one paragraph for each `text`, and links: to these pages, or each with a label of its own.

    `more` are other values of the template: `done`, or the `ask` of a form with one button and its words.
    """
    labels = {
        NEW_REQUEST: _("Make a new request"),
        CODE: _("Download a file with a code"),
        LOST_LINK: _("Get a new link"),
        HELP: _("Help"),
    }
    page = {
        "heading": heading,
        "text": text,
        "links": [(each, labels[each]) if isinstance(each, str) else each for each in links],
        "facts": facts,
        "is_error": status >= 400 and status != 410,
        **(more or {}),
    }
    response = render(request, "pages/error.html", page, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def wait_text(seconds: int) -> str:
    """When to try again: "Try again tomorrow at 08:15."."""
    now = timezone.now()
    return _("Try again %(when)s.") % {"when": presenters.wait(now + timedelta(seconds=seconds), now)}


def limit_text(reached: LimitReached) -> str:
    """Which limit was reached, and when to try again."""
    wait = wait_text(reached.retry_after or 0)
    words = {
        Limit.NETWORK: _("Many forms have been sent from your network in the last hour."),
        Limit.SENDER: _(
            "Many requests have been made with this sender’s address from outside the network "
            "%(at_organisation)s. From inside it you can make a request at any time."
        )
        % {"at_organisation": settings.POLICY.at_organisation(translation.get_language())},
        Limit.CASE: _("You have reported this case many times in the last day."),
        Limit.FORM: _("Many reports have been sent in the last day."),
        Limit.SIGN_INS: f"{_('Too many attempts')}.",
        Limit.QUESTIONS: _("Many questions have been asked from your network, or about this address."),
    }
    if reached.limit is Limit.CODES:
        return _(
            "Many wrong codes have been entered from your network. %(wait)s "
            "You can also use the link in the email at any time."
        ) % {"wait": wait}
    return f"{words[reached.limit]} {wait}"


def with_retry_after(response: HttpResponse, refusal: Refused) -> HttpResponse:
    """The response, with the header that tells programs what `wait_text` tells people."""
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def unknown_link(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        404,
        _("Page not found"),
        _("Check the address. If you copied a link from an email, make sure you copied all of it."),
        _("A link also stops working some time after the files have been deleted."),
        links=(LOST_LINK, NEW_REQUEST, CODE, HELP),
    )


def cross_site_form(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        403,
        _("The form was not sent from this service"),
        _("Nothing has been changed. Open the link in the email, or the start page, and try again."),
        links=(NEW_REQUEST, HELP),
    )


def not_the_approver(request: HttpRequest, address: str) -> HttpResponse:
    """403: a link that was sent to somebody else answers nothing."""
    return error_page(
        request,
        403,
        _("The request was sent to someone else"),
        _("You are signed in as %(address)s. Only the person it was sent to can answer it.")
        % {"address": address},
        _("If it should have come to you, ask the sender to make a new request with your address."),
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
        links=(NEW_REQUEST, HELP),
    )
    response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def bad_request(request: HttpRequest) -> HttpResponse:
    return error_page(request, 400, _("Something went wrong"), _("Go back and try again."))


def form_too_long(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        413,
        _("The text is too long"),
        _("Nothing has been sent or changed. Go back, shorten the text and send it again."),
    )


def gone(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        410,
        _("The link is no longer valid"),
        _("The time is up, or the link has been replaced by a new one."),
        links=(LOST_LINK, NEW_REQUEST, HELP),
    )


def refusal_words(code: str) -> tuple[str, str]:
    """Heading and advice for the code of a refused upload or download."""
    language = translation.get_language()
    limit = {"size": size_text(settings.POLICY.max_file_size, language)}
    interrupted = (_("The upload was interrupted"), _("The file has not been sent. Upload it again."))
    no_file = (_("No file was chosen"), _("Choose a file and upload it."))
    words = {
        "too_large": (_("The file is too large"), _("A file can be up to %(size)s.") % limit),
        "quota_exceeded": (
            _("There is not enough space on the account"),
            _("Delete a file you no longer need, or make a new request."),
        ),
        "too_many_files": (
            _("No more files can be uploaded to this account"),
            _("It has had as many files as an account can have, deleted ones included. Make a new request."),
        ),
        "disk_full": (
            _("There is no room for more files right now"),
            _("Files you have already uploaded are still there. Try again later."),
        ),
        "filename_invalid": (
            _("The file has a name that cannot be used"),
            _("Give the file another name and upload it again."),
        ),
        "body_short": interrupted,
        "read_timeout": interrupted,
        "connection_reset": interrupted,
        "form_invalid": no_file,
        "file_missing": no_file,
        "shutting_down": (
            _("The service is restarting"),
            _("Files you have already uploaded are still there. Try again in a minute."),
        ),
        "busy": (_("The service is busy"), _("Wait a while and try again.")),
        "damaged": (_("The file is damaged in storage"), _("Upload it again, or ask the sender to do so.")),
        "rate_limited": (_("Too many attempts"), _("Wait a while and try again.")),
        "too_many_downloads": (
            _("Too many downloads at the same time"),
            _("The link is already being used for several downloads. Wait until one is done, and try again."),
        ),
    }
    if code not in STATUS:  # nothing of an upload or a download
        return _("Something went wrong"), _("Go back and try again.")
    default = (_("The file could not be uploaded"), _("Nothing has been stored. Try again."))
    return words.get(code, default)


def refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """A page of its own for a refusal that no form and no other page shows."""
    if refusal.status == 404:
        return unknown_link(request)
    if refusal.status == 410:
        return gone(request)
    if refusal.status == 403:
        return cross_site_form(request)
    if isinstance(refusal, LimitReached):
        response = error_page(request, refusal.status, _("Too many attempts"), limit_text(refusal))
    else:
        response = error_page(request, refusal.status, *refusal_words(refusal.code))
    return with_retry_after(response, refusal)


def busy(request: HttpRequest) -> HttpResponse:
    """503: something that the request needs does not answer; nothing of the request was stored."""
    response = error_page(request, 503, _("The service is busy"), _("Wait a while and try again."))
    response.headers["Retry-After"] = "5"
    return response


def no_room(request: HttpRequest) -> HttpResponse:
    """507: a disk is full, of the database or of something else than a file's bytes; nothing was stored."""
    return error_page(
        request,
        507,
        _("The service cannot save anything right now"),
        _("What you did has not been saved. Try again later."),
    )


def handler400(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 -- Django calls it so
    return bad_request(request)


def handler403(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 -- Django calls it so
    """Only pages of the staff raise PermissionDenied; links of the parties answer 404 or 410."""
    own = (paths.STAFF.path(), _("Your cases"))
    if settings.POLICY.sign_in is SignIn.OFF:
        own = (paths.OVERSEE.path(), _("All cases"))
    return error_page(
        request,
        403,
        _("You do not have access to this page"),
        _("What you are allowed to do in this service does not include it."),
        _("If you need it for your work, ask an administrator of the service."),
        links=(own, HELP),
    )


def handler404(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 -- Django calls it so
    return unknown_link(request)


def handler500(request: HttpRequest) -> HttpResponse:
    try:
        return error_page(
            request,
            500,
            _("Something went wrong on our side"),
            _("The error has been logged. Try again in a while. Files already uploaded are still there."),
        )
    except Exception:  # noqa: BLE001 - the cause of the error may keep this page from rendering, too
        return HttpResponse("500 Filsluss: something went wrong on our side.", "text/plain", 500)
