"""The manners of every page: whose forms it takes, which language it speaks, what its frame shows."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseForbidden,
    UnreadablePostError,
)
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

from filsluss.pages import calm
from filsluss.pages.dress import worn
from filsluss.rules.figures import size_text
from filsluss.rules.networks import Client
from filsluss.rules.origins import is_from_us

log = logging.getLogger(__name__)

LANGUAGES = {"sv": "På svenska", "en": "In English"}
NEAR_SWEDISH = {"sv", "nb", "nn", "no", "da"}

View = Callable[..., HttpResponseBase]
Handler = Callable[[HttpRequest], HttpResponseBase]


def client_of(request: HttpRequest) -> Client:
    """Who asks, as the front door found it; nobody in particular where there was no front door."""
    client: Client = request.META.get("filsluss.client") or Client(None, may_be_inside=False)
    return client


def is_oversight(request: HttpRequest) -> bool:
    return request.path_info == "/oversee" or request.path_info.startswith("/oversee/")


def is_own_form(request: HttpRequest) -> bool:
    return is_from_us(
        origin=request.headers.get("Origin"),
        fetch_site=request.headers.get("Sec-Fetch-Site"),
        base_url=settings.POLICY.base_url,
        on_loopback=settings.DEMO,
    )


class OriginMiddleware:
    """Outside /oversee there is no cookie to ride on, and still no other site may send our forms."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.encoding = "utf-8"  # a request may claim any codec Python knows, even one for no text
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if request.method == "POST" and not is_oversight(request) and not is_own_form(request):
            return calm.foreign_form(request)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Whoever hangs up in the middle of a form has asked for nothing."""
        return calm.malformed(request) if isinstance(exception, UnreadablePostError) else None


def language_of(request: HttpRequest) -> str:
    """By ?lang, else by what the browser asks for, else the house's own."""
    asked = request.GET.get("lang")
    if asked in LANGUAGES:
        return asked
    named = [code for code, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "").lower())]
    for code in (code.partition("-")[0] for code in named):
        if code in NEAR_SWEDISH:
            return "sv"
        if code == "en":
            return "en"
    strangers = [code for code in named if code != "*"]
    return "en" if strangers else settings.POLICY.language


def speak(request: HttpRequest, language: str) -> None:
    """A transfer's pages speak its language, unless the reader has asked for another."""
    if request.GET.get("lang") not in LANGUAGES:
        translation.activate(language)


class LanguageMiddleware:
    """Speaks one language per request, and says which."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        translation.activate(language_of(request))
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", translation.get_language())
        patch_vary_headers(response, ["Accept-Language"])
        translation.deactivate()
        return response


class BusyMiddleware:
    """A database that does not answer is not the reader's fault: he may come again in a while."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        log.error("the database did not answer", exc_info=exception)
        return calm.busy(request)


class OverseeCsrfMiddleware(CsrfViewMiddleware):
    """Django's guard, for the only rooms that have a cookie."""

    def process_request(self, request: HttpRequest) -> None:
        if is_oversight(request):
            super().process_request(request)

    def process_view(
        self, request: HttpRequest, callback: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseForbidden | None:
        return super().process_view(request, callback, args, kwargs) if is_oversight(request) else None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return super().process_response(request, response) if is_oversight(request) else response

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return calm.stale_form(request)


def takes(*methods: str) -> Callable[[View], View]:
    """A view for these methods only; HEAD comes with GET, and anything else meets a calm page."""
    allowed = {*methods, "HEAD"} if "GET" in methods else set(methods)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in allowed:
                return calm.wrong_method(request, allowed)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def unlisted(view: View) -> View:
    """A page behind a secret: kept by no cache and found by no search engine."""

    @wraps(view)
    def kept(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return kept


def typed(request: HttpRequest, field: str) -> str:
    """What was typed into a field, without the invisible controls no keyboard sends; line breaks stay."""
    text = request.POST.get(field, "").replace("\r\n", "\n")
    return "".join(sign for sign in text if sign >= " " or sign in "\t\n").replace("\x7f", "")


def other_language(request: HttpRequest) -> dict[str, str]:
    """The switch: the same page in the other language, with whatever else the address asked for."""
    code = "en" if translation.get_language() == "sv" else "sv"
    query = request.GET.copy()
    query["lang"] = code
    return {"code": code, "name": LANGUAGES[code], "query": "?" + query.urlencode()}


def house(request: HttpRequest) -> dict[str, Any]:
    """What every template may say of the house; never the Policy itself, which holds the keys."""
    policy, language = settings.POLICY, translation.get_language()
    asked = request.GET.get("lang")
    return {
        "organisation": policy.organisation,
        "dress": worn(),
        "support_email": policy.support_email,
        "base_url": policy.base_url,
        "site": policy.base_url.partition("://")[2],
        "inside_domain": ", @".join(domain.lstrip(".") for domain in policy.inside_domains),
        "language": language,
        "other_language": other_language(request),
        "lang_query": f"?lang={asked}" if asked in LANGUAGES else "",
        "demo": settings.DEMO,
        "max_file_size": size_text(policy.max_file_size, language),
        "max_transfer_size": size_text(policy.max_transfer_size, language),
        "max_files": policy.max_files,
        "max_days": policy.max_days,
        "default_days": policy.default_days,
        "decision_days": policy.decision_days,
        "forget_days": policy.forget_days,
        "audit_days": policy.audit_days,
    }
