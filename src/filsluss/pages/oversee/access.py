"""Who may see the administrator's pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from filsluss.pages.decorators import private_page

ENTRANCE = "/oversee"
View = Callable[..., HttpResponseBase]


def administrators_only(view: View) -> View:
    """Anyone else is shown the way to the sign-in, and comes back here from it."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_staff and not getattr(request.user, "is_superuser", False):
            back = quote(request.path, safe="/")
            return HttpResponseRedirect(f"{ENTRANCE}/sign-in?next={back}", status=303)
        return view(request, *args, **kwargs)

    return private_page(guarded)
