"""The pages that only inform: terms, privacy, help, and whom to tell of a weakness."""

from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from filsluss.pages import presenters
from filsluss.pages.decorators import View, allow_methods
from filsluss.rules.application import TERMS_DATE, TERMS_VERSION
from filsluss.rules.paths import WELL_KNOWN


def text_page(name: str) -> View:
    """A view that renders the template of that name."""

    @allow_methods("GET")
    def show(request: HttpRequest) -> HttpResponse:
        response = render(request, f"pages/{name}.html")
        response.headers["Cache-Control"] = "no-cache"
        return response

    return show


help_page = text_page("help")


@allow_methods("GET")
def privacy(request: HttpRequest) -> HttpResponse:
    policy = settings.POLICY
    page = {
        "controller": policy.controller,
        "legal_basis": policy.legal_basis or "",
        "data_protection_email": policy.data_protection_email,
    }
    response = render(request, "pages/privacy.html", page)
    response.headers["Cache-Control"] = "no-cache"
    return response


@allow_methods("GET")
def terms(request: HttpRequest) -> HttpResponse:
    page = {"terms_version": TERMS_VERSION, "terms_date": presenters.day(TERMS_DATE)}
    response = render(request, "pages/terms.html", page)
    response.headers["Cache-Control"] = "no-cache"
    return response


SECURITY_TXT_DAYS = 180


@allow_methods("GET")
def security_txt(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 -- Django calls it so
    """Whom researchers tell of a weakness (RFC 9116); 404 where no setting names an address."""
    policy = settings.POLICY
    if not policy.contact_email:
        raise Http404
    expires = timezone.now() + timedelta(days=SECURITY_TXT_DAYS)
    fields = {
        "Contact": f"mailto:{policy.contact_email}",
        "Expires": f"{expires:%Y-%m-%d}T00:00:00Z",
        "Preferred-Languages": "sv, en",
        "Canonical": f"{policy.base_url}{WELL_KNOWN.path('security.txt')}",
    }
    text = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return HttpResponse(text, "text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})
