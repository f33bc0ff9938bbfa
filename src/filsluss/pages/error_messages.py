"""The messages for the problem codes of forms."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from filsluss.rules.addresses import pasted_address, unseen_sign
from filsluss.rules.suggestions import suggested_address
from filsluss.rules.tokens import CODE_LENGTH, read_code


@dataclass(frozen=True)
class Problem:
    """One line of the error summary, which links to its field."""

    field: str
    text: str


def with_names(words: str, **names: str) -> str:
    """HTML: the words with a name for each %(name)s, marked so that no translator of a browser touches it."""
    pieces = re.split(r"%\((\w+)\)s", words)  # every second one is the key of a name
    marked = '<bdi translate="no">{}</bdi>'
    return format_html_join(
        "",
        "{}",
        [
            (format_html(marked, names[piece]) if number % 2 else piece,)
            for number, piece in enumerate(pieces)
        ],
    )


def form_problems(
    found: Mapping[str, str], *, order: Iterable[str], typed: Mapping[str, Any]
) -> list[Problem]:
    """The messages for the codes in `found` (by field), in the order of the form."""
    words = every_message(typed)
    positions = {field: position for position, field in enumerate(order)}
    fields = sorted(found, key=lambda field: positions.get(field, len(positions)))
    return [Problem(field, message(field, found[field], words)) for field in fields]


def every_message(typed: Mapping[str, Any]) -> dict[str, str]:
    """Every message by its code, or by field and code where a field has its own; `typed` fills some in."""
    return {
        **application_words(typed),
        **unseen_words(typed),
        **mistyped_words(typed),
        **decision_words(),
        **code_words(typed.get("code", "")),
        **oversight_words(),
        **block_words(),
        **report_words(),
        **sign_in_words(),
        **reference_words(),
    }


def message(field: str, code: str, words: dict[str, str]) -> str:
    """The message for this field and code, else for the code in any field, else a general one."""
    return words.get(f"{field}.{code}") or words.get(code) or _("Check this field")


def application_words(typed: Mapping[str, Any]) -> dict[str, str]:
    domains = ", @".join(domain.lstrip(".") for domain in settings.POLICY.inside_domains)
    values = {
        "domain": domains,
        "at_organisation": settings.POLICY.at_organisation(translation.get_language()),
        "n": len(typed.get("purpose", "")),
        "max": settings.POLICY.max_days,
        "contact": settings.POLICY.contact_email or _("the system administrator"),
    }
    return {
        "name_empty": _("Enter your name"),
        "name_long": _("Your name must be 100 characters or fewer"),
        "name_address": _("Enter only your name, without an email address"),
        "sender_email.address_empty": _("Enter your email address"),
        "own_email.address_empty": _("Enter your email address"),
        "recipient_email.address_empty": _("Enter the recipient’s email address"),
        "link_to.address_empty": _("Enter the recipient’s email address"),
        "address_malformed": _("Enter an email address in the correct format, like name@company.com"),
        "address_not_ascii": _(
            "The service can only send to addresses with the letters a–z. Use another address."
        ),
        "address_several": _("Enter only one email address. Make one request for each recipient."),
        "address_of_service": _("This is the service’s own address. Enter another address."),
        "sign_in_needed": _("Whoever works %(at_organisation)s signs in to send. The link is above.")
        % values,
        "address_blocked": _("Files cannot be sent to or from this address. Questions? Contact %(contact)s.")
        % values,
        "same_person": _("The recipient cannot have the same email address as you"),
        "box_needed": _(
            "Neither you nor the recipient has an email address ending in @%(domain)s. "
            "If that is so, tick the box and enter who should approve the request."
        )
        % values,
        "approver_empty": _("Enter the email address of your contact person %(at_organisation)s") % values,
        "approver_outside": _("The approver’s email address must end in @%(domain)s") % values,
        "approver_is_party": _("The approver must be someone other than you and the recipient"),
        "purpose_empty": _("Enter why you need to send files"),
        "purpose_long": _("The reason must be 500 characters or fewer. You have entered %(n)d.") % values,
        "personal_number": _(
            "The text seems to contain a personal identity number. Remove it, or say below it is not one."
        ),
        "days_range": _("The number of days must be between 1 and %(max)d") % values,
        "language_unknown": _("Choose a language"),
        "terms_missing": _(
            "Confirm that the files contain no patient data, personal data or confidential documents"
        ),
    }


def unseen_words(typed: Mapping[str, Any]) -> dict[str, str]:
    """For each field: which character of it cannot be seen; a reader sees a correct address."""
    words = _(
        "The address contains a character that cannot be seen: %(character)s. "
        "Delete what you have pasted, and type the address instead."
    )
    unseen = {f"{field}.address_unseen": unseen_sign(str(text)) for field, text in typed.items()}
    return {
        code: words % {"character": character_name(char)}
        for code, char in {"address_unseen": "", **unseen}.items()
    }


def mistyped_words(typed: Mapping[str, Any]) -> dict[str, str]:
    """For each field: which address inside may be meant by the one in it."""
    words = _("Did you mean %(address)s? If the address is right, tick the box below it.")
    inside = settings.POLICY.inside_domains
    meant = {
        f"{field}.address_mistyped": suggested_address(pasted_address(str(text)), inside_domains=inside)
        for field, text in typed.items()
    }
    return {code: with_names(words, address=each) for code, each in {"address_mistyped": "", **meant}.items()}


def character_name(char: str) -> str:
    """What the character is called, with its code point."""
    names = {
        "\0": _("a null character"),
        "\u00ad": _("a soft hyphen"),
        "\u200b": _("a zero-width space"),
        "\u200c": _("a zero-width non-joiner"),
        "\u200d": _("a zero-width joiner"),
        "\u2060": _("a word joiner"),
        "\ufeff": _("a byte order mark"),
    }
    category = unicodedata.category(char) if char else ""
    general = _("a control character") if category == "Cc" else _("a formatting character")
    return f"{names.get(char, general)} (U+{ord(char):04X})" if char else general


def decision_words() -> dict[str, str]:
    return {
        "decision_missing": _("Choose whether to approve or reject the request"),
        "days_missing": _("Choose how many days the sender should have access"),
        "days_refused": _("Days cannot be chosen when you reject a request"),
        "note_refused": _("A text is sent only with a rejection. Remove the text."),
        "reason_empty": _("Enter why you are rejecting the request"),
        "reason_long": _("The text must be 500 characters or fewer"),
    }


def code_words(typed: str) -> dict[str, str]:
    lengths = {"whole": CODE_LENGTH, "n": len(read_code(typed))}
    return {
        "code_empty": _("Enter the download code"),
        "code_length": _("The code has %(whole)d characters, you have entered %(n)d.") % lengths,
        "code_characters": _(
            "A code has letters and digits only, and never the letters I, L, O and U or the digits 0 and 1. "
            "Check the code in the email."
        ),
        "code_wrong": _(
            "We cannot find a file with that code. Check the code in the email. "
            "The file may also have been deleted."
        ),
    }


def sign_in_words() -> dict[str, str]:
    return {
        "factor_missing": _(
            "Your account has no second factor, so it cannot sign in. Whoever runs the service gives you a "
            "link for it, with filsluss admin unlock."
        ),
        "factor_wrong": _("The code is wrong, or has been used. Wait for the next one, and enter it."),
        "passkey_wrong": _("The passkey was not accepted. Try again, or use a code."),
        "role_unknown": _("Choose a role"),
        "scope_unknown": _("Only a registrar can be limited to a domain, and only to one of yours"),
        "role_days": _("The number of days must be between 1 and 3650"),
        "person_self": _("You cannot shut yourself out. Another administrator can."),
        "person_address_taken": _(
            "Another person has the same email address. Shut that person out first: the address leads to one."
        ),
        "password_short": _("The password must be 12 characters or more"),
        "password_long": _("The password must be 200 characters or fewer"),
        "password_common": _("This password is among those that are tried first. Choose another."),
    }


def reference_words() -> dict[str, str]:
    return {
        "reference_empty": _("Enter the reference"),
        "reference_malformed": _(
            "A reference has eight letters and digits, like K7PM-4QXD. Check the email."
        ),
    }


def block_words() -> dict[str, str]:
    return {
        "block_empty": _("Enter an email address or a domain"),
        "block_malformed": _("Enter an address like name@company.com, or a domain like company.com"),
        "block_inside": _("The domain is one of your own. Block single addresses instead."),
        "block_known": _("This is already on the list"),
        "block_days": _("The number of days must be between 1 and 365"),
    }


def report_words() -> dict[str, str]:
    return {
        "abuse_empty": _("Describe what is wrong"),
        "abuse_long": _("The text must be 500 characters or fewer"),
        "fault_empty": _("Describe what does not work"),
        "fault_long": _("The text must be 1,000 characters or fewer"),
    }


def oversight_words() -> dict[str, str]:
    return {
        "reason_missing": _("Enter a reason of 1 to 500 characters"),
        "removal_code_missing": _("Choose why the file is deleted"),
        "more_days": _("Choose how many days more"),
        "release_same_person": _(
            "You have let the file through already. Now another person must do the same."
        ),
        "release_not_second": _(
            "The second person signs in with the organisation, not with an emergency account."
        ),
        "sign_in_wrong": _("The user name or the password is wrong"),
    }
