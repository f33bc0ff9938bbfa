"""The demo's pretend sign-in: the pages and addresses of an OpenID Connect provider, on this machine only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from filsluss.languages import LANGUAGES
from filsluss.pages import errors
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.demo import require_local_demo

if TYPE_CHECKING:
    from filsluss.identity.pretend import Face, PretendProvider


def local_provider(request: HttpRequest) -> PretendProvider:
    """Raises Http404 outside the demo, and for clients on another machine."""
    require_local_demo(request)
    if settings.IDENTITY_PROVIDER is None:
        raise Http404
    # Imported when needed: the libraries take megabytes, and outside the demo nothing uses this.
    from filsluss.identity.pretend import pretend_provider

    return pretend_provider(settings.IDENTITY_PROVIDER)


@allow_methods("GET")
@private_page
def metadata(request: HttpRequest) -> HttpResponse:
    """OpenID Connect Discovery 1.0, 3."""
    provider = local_provider(request)
    base = settings.POLICY.base_url
    return JsonResponse(
        {
            "issuer": provider.config.issuer,
            "authorization_endpoint": base + reverse("demo-authorize"),
            "token_endpoint": base + reverse("demo-token"),
            "jwks_uri": base + reverse("demo-keys"),
            "end_session_endpoint": base + reverse("demo-end"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


@allow_methods("GET")
@private_page
def keys(request: HttpRequest) -> HttpResponse:
    return JsonResponse(local_provider(request).keys())


@allow_methods("GET", "POST")
@private_page
def authorize(request: HttpRequest) -> HttpResponse:
    """Four buttons; each leads back to the service as that person."""
    provider = local_provider(request)
    from filsluss.identity.pretend import FACES  # when needed, as above

    asked = provider.asked_in(request.GET.dict())
    language = request.GET.get("ui_locales", "")
    if language in LANGUAGES and request.GET.get("lang") not in LANGUAGES:
        translation.activate(language)
    if asked is None:
        return errors.bad_request(request)
    chosen = {face.key: face for face in FACES}.get(request.POST.get("face", ""))
    if request.method == "POST" and chosen:
        return HttpResponseRedirect(provider.answer(chosen, asked, now=timezone.now()), status=303)
    page = {"faces": [(face, about(face)) for face in FACES]}
    return render(request, "pages/demo_sign_in.html", page, status=422 if request.method == "POST" else 200)


def about(face: Face) -> str:
    """What one can try as that person."""
    words = {
        "anna": _("Staff: sends files at once, and sees what is theirs."),
        "karin": _("Approver: send a request to this address from outside, and answer it when signed in."),
        "maria": _("Administrator: sees every case, and can end it."),
        "olof": _("Auditor: reads the cases and the audit trail, and changes nothing."),
    }
    return words[face.key]


@allow_methods("POST")
@private_page
def token(request: HttpRequest) -> HttpResponse:
    """Asked by the service itself, in another thread than the one that waits for the answer."""
    provider = local_provider(request)
    from filsluss.identity.pretend import GrantRefused  # when needed, as above

    given = request.headers.get("Authorization", "")
    try:
        return JsonResponse(provider.tokens(request.POST.dict(), authorization=given, now=timezone.now()))
    except GrantRefused as refused:
        status = 401 if refused.code == "invalid_client" else 400
        return JsonResponse({"error": refused.code}, status=status)


@allow_methods("GET")
@private_page
def end(request: HttpRequest) -> HttpResponse:
    """The end of a session that there never is: it asks each time who one is."""
    local_provider(request)
    return render(request, "pages/demo_signed_out.html")
