"""Access control of the administrator's pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render

from filsluss.pages.context import LANGUAGES
from filsluss.pages.decorators import private_page
from filsluss.pages.oversee import unsent
from filsluss.pages.oversee.unsent import OVERSEE_PATH

View = Callable[..., HttpResponseBase]


def administrators_only(view: View) -> View:
    """Redirects anyone else to the sign-in, which leads back to the page; with a reason, shows it at once."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_staff and not getattr(request.user, "is_superuser", False):
            if typed := unsent.posted(request):
                return sign_in_page(request, {"unsent": typed}, status=403)
            return HttpResponseRedirect(sign_in_address(request), status=303)
        return view(request, *args, **kwargs)

    return private_page(checked)


def sign_in_address(request: HttpRequest) -> str:
    """The sign-in page that leads back to where the request was for, in the same language."""
    back = request.get_full_path() if request.method in ("GET", "HEAD") else OVERSEE_PATH
    language = request.GET.get("lang")
    chosen = {"lang": language} if language in LANGUAGES else {}
    return f"{OVERSEE_PATH}/sign-in?{urlencode({'next': back, **chosen}, safe='/')}"


def sign_in_page(request: HttpRequest, page: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The sign-in form; it keeps a reason that was typed before (`unsent`)."""
    return render(request, "pages/oversee/sign_in.html", page, status=status)
