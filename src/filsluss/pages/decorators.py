"""Decorators of views: the methods that a view accepts, and pages that no cache may store."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from filsluss.pages import errors

View = Callable[..., HttpResponseBase]


def allow_methods(*methods: str) -> Callable[[View], View]:
    """Answers other methods with 405 and an error page. GET includes HEAD."""
    allowed = {*methods, "HEAD"} if "GET" in methods else set(methods)

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in allowed:
                return errors.method_not_allowed(request, allowed)
            return view(request, *args, **kwargs)

        return checked

    return decorate


def private_page(view: View) -> View:
    """For pages that are not public: `no-store`, and `noindex` for search engines."""

    @wraps(view)
    def uncached(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return uncached
