"""The application form: what is typed into it, what it is filled in with, and how it is shown."""

import re
import secrets
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import get_language_info

from filsluss.languages import LANGUAGES
from filsluss.models import Person, Transfer
from filsluss.pages.context import posted_text
from filsluss.pages.day_choices import USUAL_DAYS, day_choices
from filsluss.pages.form_page import Form
from filsluss.rules.addresses import pasted_address
from filsluss.rules.application import Application
from filsluss.rules.directions import Direction
from filsluss.rules.paths import STAFF, START
from filsluss.rules.sign_in import SignIn
from filsluss.rules.suggestions import PROVIDERS, suggested_address

ORDER = (
    "sender_name",
    "sender_email",
    "recipient_email",
    "recipient_outside",
    "approver_email",
    "purpose",
    "no_personal_number",
    "days",
    "language",
    "recipient_language",
    "accept_terms",
)
ADDRESSES = ("sender_email", "recipient_email", "approver_email")
"""Read as they came: a character that is dropped unseen could make another address."""
LONGEST_FORM_VALUE = 64
Typed = dict[str, str]


@dataclass(frozen=True)
class FormPage:
    """Where the form is sent, and which page it stands on: "new", "again", "correct" or "staff".

    On that of staff `person` is the sender, who is signed in.
    """

    action: str = START.path()
    purpose: str = "new"
    case: Transfer | None = None
    person: Person | None = None


NEW = FormPage()


def typed_in(request: HttpRequest) -> Typed:
    given = {field: posted_text(request, field) for field in (*ORDER, "form_value")}
    return given | {field: request.POST.get(field, "") for field in ADDRESSES}


def took_suggestion(request: HttpRequest, given: Typed) -> bool:
    """Whether the button beside a suggested address was pressed; the address is then in `given`."""
    field = request.POST.get("use", "")
    meant = suggestions(given).get(field, "")
    given.update({field: meant} if meant else {})
    return bool(meant)


def suggestions(typed: Typed) -> dict[str, str]:
    """For each field the address that may be meant instead of the one in it."""
    inside = settings.POLICY.inside_domains
    found = {
        field: suggested_address(pasted_address(typed.get(field, "")), inside_domains=inside)
        for field in ADDRESSES
    }
    return {field: meant for field, meant in found.items() if meant}


def first_shown() -> Form:
    language, days = translation.get_language(), str(settings.POLICY.default_days)
    return Form({"language": language, "recipient_language": language, "days": days}, ORDER)


def filled_in(case: Transfer) -> Form:
    """The form as it was sent for that case; who sends it says again what the files do not contain."""
    is_through = case.way is Direction.THROUGH
    typed = {
        "sender_name": case.sender.name,
        "sender_email": case.sender.address,
        "recipient_email": case.recipient.address,
        "recipient_outside": "1" if is_through else "",
        "approver_email": case.approver.address if is_through and case.approver else "",
        "purpose": case.purpose,
        "days": days_of(case),
        "language": case.sender.language,
        "recipient_language": case.recipient.language,
    }
    return Form(typed, ORDER)


def days_of(case: Transfer) -> str:
    """For how many days the account was asked for, if that can still be chosen."""
    policy = settings.POLICY
    if case.way is Direction.OUTBOUND and case.open_until and case.decided_at:
        days = policy.days_left(case.open_until, case.decided_at)
        if days in USUAL_DAYS and days <= policy.max_days:
            return str(days)
    return str(policy.default_days)


def application_in(given: Typed) -> Application:
    return Application(
        sender_name=" ".join(given["sender_name"].split()),
        sender_email=pasted_address(given["sender_email"]),
        recipient_email=pasted_address(given["recipient_email"]),
        recipient_outside=bool(given["recipient_outside"]),
        approver_email=pasted_address(given["approver_email"]),
        purpose=given["purpose"].strip(),
        days=days_in(given["days"]),
        language=given["language"] or translation.get_language(),
        recipient_language=given["recipient_language"],
        terms_accepted=bool(given["accept_terms"]),
        numbers_confirmed=bool(given["no_personal_number"]),
        form_value=given["form_value"][:LONGEST_FORM_VALUE],
    )


def days_in(text: str) -> int | None:
    """The number of days; None if the field is empty, and 0, which is never accepted, if it is no number."""
    if not text.strip():
        return None
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text.strip()) else 0


def sign_in_values(page: FormPage) -> dict[str, Any]:
    """Whether staff can sign in, and have not; and where they do."""
    offers = settings.POLICY.sign_in is not SignIn.OFF and page.person is None
    return {"offers_sign_in": offers, "sign_in_and_apply": STAFF.path("apply")}


def show_form(request: HttpRequest, form: Form, *, page: FormPage = NEW) -> HttpResponse:
    values = form.values()
    shown = values["typed"]
    values |= {
        "form_page": page,
        "suggestions": suggestions(shown),
        "inside_domains": " ".join(settings.POLICY.inside_domains),
        "providers": " ".join(PROVIDERS),
        "form_value": shown.get("form_value") or secrets.token_urlsafe(16),
        "languages": [(code, each.name) for code, each in LANGUAGES.items()],
        "house_language": get_language_info(settings.POLICY.language)["name_translated"],
        "day_choices": day_choices(always=settings.POLICY.default_days, chosen=form.typed.get("days", "")),
        **sign_in_values(page),
    }
    response = render(request, "pages/apply.html", values, status=form.status)
    is_public = request.method == "GET" and page.purpose == NEW.purpose
    response.headers["Cache-Control"] = "no-cache" if is_public else "no-store"
    return response
