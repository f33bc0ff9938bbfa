"""What all views and templates share: the client, the language, the installation's settings."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from filsluss.languages import LANGUAGES
from filsluss.pages.branding import current
from filsluss.rules.formats import size_text
from filsluss.rules.networks import Client
from filsluss.rules.paths import WITH_COOKIES
from filsluss.version import program_version

NUMBER_BOX = "no_personal_number"
"""The box of a form by which somebody says that what they wrote is no personal identity number."""
NEAR_SWEDISH = {"sv", "nb", "nn", "no", "da"}


def client_of(request: HttpRequest) -> Client:
    """The client that wsgi.py has determined; one without an address if the request did not pass it."""
    client: Client = request.META.get("filsluss.client") or Client(None, may_be_inside=False)
    return client


def has_cookies(request: HttpRequest) -> bool:
    """Whether it asks for a page whose visitors may be signed in."""
    return any(prefix.holds(request.path_info) for prefix in WITH_COOKIES)


def use_language(request: HttpRequest, language: str) -> None:
    """Shows the page in the letter's language, unless the URL or the browser asks for one that there is."""
    if request.GET.get("lang") not in LANGUAGES and accepted_language(request) not in LANGUAGES:
        translation.activate(language)


def accepted_language(request: HttpRequest) -> str | None:
    """The first language of Accept-Language that there is, also by a near one; "" if it names none of ours.

    None if it names no language at all.
    """
    header = request.headers.get("Accept-Language", "").lower()
    named = [code.partition("-")[0] for code, _ in parse_accept_lang_header(header) if code != "*"]
    known = (code if code in LANGUAGES else "sv" for code in named if code in {*LANGUAGES, *NEAR_SWEDISH})
    return next(known, "" if named else None)


def asked_language(request: HttpRequest) -> str:
    """The query that keeps the language which this page was asked for; empty if it was asked for none."""
    asked = request.GET.get("lang")
    return f"?lang={asked}" if asked in LANGUAGES else ""


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


def other_languages(request: HttpRequest) -> list[dict[str, str]]:
    """For the language switch: the same page in each other language, with the rest of the query kept."""
    others = []
    for code in LANGUAGES:
        query = request.GET.copy()
        query["lang"] = code
        if code != translation.get_language():
            words = {"code": code, "name": LANGUAGES[code].switch}
            others.append({**words, "query": "?" + query.urlencode()})
    return others


def site_context(request: HttpRequest) -> dict[str, Any]:
    """Context processor for all pages. Templates do not get the Policy itself, which holds keys."""
    policy, language = settings.POLICY, translation.get_language()
    return {
        "organisation": policy.organisation,
        "at_organisation": policy.at_organisation(language),
        "branding": current(),
        "support_email": policy.support_email,
        "base_url": policy.base_url,
        "site": policy.base_url.partition("://")[2],
        "inside_domain": ", @".join(domain.lstrip(".") for domain in policy.inside_domains),
        "language": language,
        "other_languages": other_languages(request),
        "lang_query": asked_language(request),
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
