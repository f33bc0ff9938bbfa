"""Access control of the administrator's pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from filsluss.pages.decorators import private_page

OVERSEE_PATH = "/oversee"
View = Callable[..., HttpResponseBase]


def administrators_only(view: View) -> View:
    """Redirects anyone else to the sign-in, which leads back to the page."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_staff and not getattr(request.user, "is_superuser", False):
            back = quote(request.path, safe="/")
            return HttpResponseRedirect(f"{OVERSEE_PATH}/sign-in?next={back}", status=303)
        return view(request, *args, **kwargs)

    return private_page(checked)
