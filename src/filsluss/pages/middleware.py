"""Middleware: the origin of forms, the language of a request, database errors, CSRF tokens."""

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
from django.utils.translation.trans_real import parse_accept_lang_header

from filsluss import outages
from filsluss.models.link import LinkRevoked
from filsluss.pages import errors
from filsluss.pages.context import LANGUAGES, NEAR_SWEDISH, is_oversee
from filsluss.pages.decorators import View
from filsluss.pages.oversee import unsent
from filsluss.rules.origins import is_from_us

Handler = Callable[[HttpRequest], HttpResponseBase]


def is_same_origin_form(request: HttpRequest) -> bool:
    return is_from_us(
        origin=request.headers.get("Origin"),
        fetch_site=request.headers.get("Sec-Fetch-Site"),
        base_url=settings.POLICY.base_url,
        on_loopback=settings.DEMO,
    )


class OriginMiddleware:
    """Refuses forms that another site sends (403). /oversee, which has cookies, uses CSRF tokens instead."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.encoding = "utf-8"  # a request may name any codec that Python has, even a binary one
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: View, _args: tuple[Any, ...], _kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if request.method == "POST" and not is_oversee(request) and not is_same_origin_form(request):
            return errors.cross_site_form(request)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """A form cut short or too long has asked for nothing; a revoked link is gone."""
        if isinstance(exception, LinkRevoked):
            return errors.gone(request)
        if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
            return errors.form_too_long(request)
        return errors.bad_request(request) if isinstance(exception, UnreadablePostError) else None


def language_of(request: HttpRequest) -> str:
    """By `?lang`, else by Accept-Language, else the installation's default."""
    asked = request.GET.get("lang")
    if asked in LANGUAGES:
        return asked
    named = [code for code, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "").lower())]
    for code in (code.partition("-")[0] for code in named):
        if code in NEAR_SWEDISH:
            return "sv"
        if code == "en":
            return "en"
    unsupported = [code for code in named if code != "*"]
    return "en" if unsupported else settings.POLICY.language


class LanguageMiddleware:
    """Activates the language of the request and adds Content-Language and Vary."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        translation.activate(language_of(request))
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", translation.get_language())
        patch_vary_headers(response, ["Accept-Language"])
        translation.deactivate()
        return response


class DatabaseErrorMiddleware:
    """Answers 503 with Retry-After when the database cannot be reached or is locked for too long."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, outages.AWAY):
            return None
        outages.database.met(exception)
        return errors.busy(request)


class OverseeCsrfMiddleware(CsrfViewMiddleware):
    """Django's CSRF protection for /oversee only, the only pages that have a cookie."""

    def process_request(self, request: HttpRequest) -> None:
        if is_oversee(request):
            super().process_request(request)

    def process_view(
        self, request: HttpRequest, callback: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseForbidden | None:
        return super().process_view(request, callback, args, kwargs) if is_oversee(request) else None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return super().process_response(request, response) if is_oversee(request) else response

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:  # noqa: ARG002 -- Django calls it so
        """A form of ours from before a sign-in in another window: what was typed into it is shown again."""
        if request.headers.get("Origin") and is_same_origin_form(request):
            if request.user.is_authenticated and (typed := unsent.posted(request)):
                unsent.keep(request, typed)
                return HttpResponseRedirect(typed.case_page, status=303)
            if request.path == f"{unsent.OVERSEE_PATH}/sign-in":
                return HttpResponseRedirect(request.get_full_path(), status=303)
        return errors.expired_form(request)
