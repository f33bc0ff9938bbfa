"""What all views and templates share: the client, the language, the installation's settings."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

from filsluss.pages.branding import current
from filsluss.rules.formats import size_text
from filsluss.rules.networks import Client
from filsluss.rules.paths import OVERSEE, WITH_COOKIES
from filsluss.version import program_version

LANGUAGES = {"sv": "På svenska", "en": "In English"}
NUMBER_BOX = "no_personal_number"
"""The box of a form by which somebody says that what they wrote is no personal identity number."""
NEAR_SWEDISH = {"sv", "nb", "nn", "no", "da"}


def client_of(request: HttpRequest) -> Client:
    """The client that wsgi.py has determined; one without an address if the request did not pass it."""
    client: Client = request.META.get("filsluss.client") or Client(None, may_be_inside=False)
    return client


def is_oversee(request: HttpRequest) -> bool:
    return OVERSEE.holds(request.path_info)


def has_cookies(request: HttpRequest) -> bool:
    """Whether it asks for a page whose visitors may be signed in."""
    return any(prefix.holds(request.path_info) for prefix in WITH_COOKIES)


def use_language(request: HttpRequest, language: str) -> None:
    """Shows the page in the transfer's language, unless the URL asks for another."""
    if request.GET.get("lang") not in LANGUAGES:
        translation.activate(language)


def only_language_is_switched(request: HttpRequest) -> bool:
    """Whether a form was sent by the language switch: it is shown again in that language, and not judged."""
    return request.method == "POST" and "only_language" in request.POST


def posted_text(request: HttpRequest, field: str) -> str:
    """A field as typed, without control characters; line breaks and tabs stay."""
    return printable(request.POST.get(field, ""))


def printable(text: str) -> str:
    """The text without control characters, which no page can show; line breaks and tabs stay."""
    text = text.replace("\r\n", "\n")
    return "".join(char for char in text if char >= " " or char in "\t\n").replace("\x7f", "")


def asks_about_number(problems: Mapping[str, str] | None, typed: Mapping[str, str]) -> bool:
    """Whether the form shows that box: it is to be ticked, or was."""
    return "personal_number" in (problems or {}).values() or bool(typed.get(NUMBER_BOX))


def other_language(request: HttpRequest) -> dict[str, str]:
    """For the language switch: the same page in the other language, with the rest of the query kept."""
    code = "en" if translation.get_language() == "sv" else "sv"
    query = request.GET.copy()
    query["lang"] = code
    return {"code": code, "name": LANGUAGES[code], "query": "?" + query.urlencode()}


def site_context(request: HttpRequest) -> dict[str, Any]:
    """Context processor for all pages. Templates do not get the Policy itself, which holds keys."""
    policy, language = settings.POLICY, translation.get_language()
    asked = request.GET.get("lang")
    return {
        "organisation": policy.organisation,
        "branding": current(),
        "support_email": policy.support_email,
        "base_url": policy.base_url,
        "site": policy.base_url.partition("://")[2],
        "inside_domain": ", @".join(domain.lstrip(".") for domain in policy.inside_domains),
        "language": language,
        "other_language": other_language(request),
        "lang_query": f"?lang={asked}" if asked in LANGUAGES else "",
        "demo": settings.DEMO,
        "sign_in": policy.sign_in.value,
        "sign_in_name": settings.IDENTITY_PROVIDER.name if settings.IDENTITY_PROVIDER else "",
        "version": program_version(),
        "max_file_size": size_text(policy.max_file_size, language),
        "max_transfer_size": size_text(policy.max_transfer_size, language),
        "max_files": policy.max_files,
        "max_days": policy.max_days,
        "default_days": policy.default_days,
        "decision_days": policy.decision_days,
        "forget_days": policy.forget_days,
        "audit_days": policy.audit_days,
        "security_log_days": policy.security_log_days,
    }
