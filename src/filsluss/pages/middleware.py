"""Middleware: the origin of forms, the language of a request, database errors, CSRF tokens."""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseForbidden,
    HttpResponseRedirect,
    UnreadablePostError,
)
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers

from filsluss import outages
from filsluss.cross_site import is_cross_site
from filsluss.languages import LANGUAGES, SOURCE
from filsluss.models.link import LinkRevoked
from filsluss.pages import errors
from filsluss.pages.context import accepted_language, has_cookies, use_language
from filsluss.pages.decorators import View
from filsluss.pages.oversee import unsent
from filsluss.pages.staff.access import find_session, keeps_form, kept_form
from filsluss.rules.paths import SIGN_IN
from filsluss.rules.refusals import Refused

log = logging.getLogger(__name__)
Handler = Callable[[HttpRequest], HttpResponseBase]
LONG_QUERY = "filsluss.long_query"


def page_for(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """The page for what a view may raise; None for what is no page's business.

    A refusal has its status, a form cut short or too long has asked for nothing, a full disk is 507, and a
    database that cannot be reached, or is locked for too long, is a reason to try again (503, Retry-After).
    """
    if isinstance(exception, LinkRevoked):
        use_language(request, exception.language or translation.get_language())
    if isinstance(exception, Refused):
        return errors.refused(request, exception)
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return errors.form_too_long(request)
    if isinstance(exception, UnreadablePostError):
        return errors.bad_request(request)
    if isinstance(exception, outages.AWAY):
        outages.database_failed(exception)
        return errors.no_room(request) if outages.is_full(exception) else errors.busy(request)
    if isinstance(exception, OSError) and outages.is_full(exception):
        log.error("there is no room: %s", exception)
        return errors.no_room(request)
    return None


def read_query(request: HttpRequest) -> None:
    """Reads the query as UTF-8, as a request may name any codec that Python has, even a binary one.

    One with too many fields is emptied, since every page reads it, and `LanguageMiddleware` refuses it.
    """
    try:
        request.encoding = "utf-8"
    except TooManyFieldsSent:
        request.META.update({"QUERY_STRING": "", LONG_QUERY: True})
        request.encoding = "utf-8"


def read_cookies(request: HttpRequest) -> None:
    """Leaves out cookies that hold what none of ours does, as NUL in quotes, which no database takes."""
    if has_cookies(request):
        known = {name: text for name, text in request.COOKIES.items() if text.isprintable()}
        request.COOKIES = known


class OriginMiddleware:
    """Refuses forms that another site sends (403). Pages with cookies use CSRF tokens instead."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        read_query(request)
        read_cookies(request)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: View, _args: tuple[Any, ...], _kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if request.method == "POST" and not has_cookies(request) and is_cross_site(request.META):
            return errors.cross_site_form(request)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return page_for(request, exception)


def language_of(request: HttpRequest) -> str:
    """By `?lang`, else by Accept-Language, else the installation's default."""
    asked = request.GET.get("lang", "")
    if asked in LANGUAGES:
        return asked
    accepted = accepted_language(request)
    if accepted is None:
        return str(settings.POLICY.language)
    return accepted or SOURCE


class LanguageMiddleware:
    """Activates the language of the request and adds Content-Language and Vary."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        translation.activate(language_of(request))
        is_refused = LONG_QUERY in request.META
        response = errors.bad_request(request) if is_refused else self.get_response(request)
        response.headers.setdefault("Content-Language", translation.get_language())
        patch_vary_headers(response, ["Accept-Language"])
        translation.deactivate()
        return response


class OverseeCsrfMiddleware(CsrfViewMiddleware):
    """Django's CSRF protection for the pages that have a cookie, and for no other."""

    def process_request(self, request: HttpRequest) -> None:
        if has_cookies(request):
            super().process_request(request)

    def process_view(
        self, request: HttpRequest, callback: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseForbidden | None:
        return super().process_view(request, callback, args, kwargs) if has_cookies(request) else None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return super().process_response(request, response) if has_cookies(request) else response

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:  # noqa: ARG002 -- Django calls it so
        """A form of ours from before a sign-in in another window: what was typed into it is shown again."""
        if request.headers.get("Origin") and not is_cross_site(request.META):
            if request.user.is_authenticated and (typed := unsent.posted(request)):
                unsent.keep(request, typed)
                return HttpResponseRedirect(typed.page, status=303)
            if request.path == SIGN_IN:
                return HttpResponseRedirect(request.get_full_path(), status=303)
            if keeps_form(request):
                return kept_form(request)
        return errors.expired_form(request)


class StaffSessionMiddleware:
    """Signs out whose session is over or was ended, and whoever was shut out; after authentication."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if has_cookies(request):
            find_session(request)
        return self.get_response(request)
