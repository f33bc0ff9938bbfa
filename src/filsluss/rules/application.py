"""The application form: its fields, and what each must contain before it is accepted."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date

from filsluss.languages import LANGUAGES
from filsluss.rules.addresses import AddressRefused, canonical, read_address
from filsluss.rules.directions import Direction, Role, direction_between
from filsluss.rules.mail_links import holds_address
from filsluss.rules.personal_number import has_personal_number
from filsluss.rules.policy import Policy
from filsluss.rules.suggestions import suggests_inside

NAME_MAX = 100
TEXT_MAX = 500
TERMS_VERSION, TERMS_DATE = "1", date(2026, 11, 24)
"""The terms that an applicant accepts: change version and date whenever their words change."""


@dataclass(frozen=True)
class Application:
    """The form as typed; `days` counts only from inside senders."""

    sender_name: str
    sender_email: str
    recipient_email: str
    purpose: str
    recipient_outside: bool = False
    approver_email: str = ""
    days: int | None = None
    language: str = "sv"
    recipient_language: str = ""
    """Empty: the sender's choice. Both count only for addresses outside."""
    terms_accepted: bool = True
    numbers_confirmed: bool = False
    """Whether the applicant says that what looks like a personal identity number is none."""
    form_value: str = ""
    """What the page drew at random for this form, if it was sent from the page."""


def form_key(application: Application, *, by: str = "") -> str | None:
    """The key of this form with this content, by which one that is sent twice is known; None without one.

    `by` is who was signed in.
    """
    if not application.form_value:
        return None
    content = asdict(application) | ({"by": by} if by else {})
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def address_problem(typed: str) -> str | None:
    """The code of what is wrong with an address; None if it is accepted."""
    try:
        read_address(typed)
    except AddressRefused as refusal:
        return {"not_ascii_local": "address_not_ascii"}.get(refusal.code, f"address_{refusal.code}")
    return None


def is_own_address(typed: str, policy: Policy) -> bool:
    """Whether it is the address that letters come from, however it is spelt."""
    return bool(policy.mail_from) and same_person(typed.strip(), policy.mail_from)


def party_problem(typed: str, policy: Policy) -> str | None:
    """The code of what is wrong with a party's address; None if it is accepted."""
    return address_problem(typed) or ("address_of_service" if is_own_address(typed, policy) else None)


def same_person(one: str, other: str) -> bool:
    return canonical(one) == canonical(other)


def direction_of(application: Application, policy: Policy) -> Direction:
    """The direction of the transfer; both addresses must already have been accepted."""
    return direction_between(
        sender_inside=policy.is_inside(read_address(application.sender_email)),
        recipient_inside=policy.is_inside(read_address(application.recipient_email)),
    )


def _length_problem(text: str, longest: int, name: str) -> str | None:
    if not text.strip():
        return f"{name}_empty"
    return f"{name}_long" if len(text) > longest else None


def name_problem(name: str) -> str | None:
    """The code of what is wrong with a person's name, which must hold no address; None if it is accepted."""
    return _length_problem(name, NAME_MAX, "name") or ("name_address" if holds_address(name) else None)


def _purpose_problem(text: str) -> str | None:
    return _length_problem(text, TEXT_MAX, "purpose")


def _recipient_language_problem(application: Application) -> str | None:
    return None if application.recipient_language in {"", *LANGUAGES} else "language_unknown"


def language_of(role: Role, address: str, application: Application, policy: Policy) -> str:
    """The language in which that party reads: inside the installation's, outside what the sender chose."""
    if policy.is_inside(address):
        return policy.language
    chosen = application.recipient_language if role is Role.RECIPIENT else ""
    return chosen or application.language


def fields_with_number(application: Application, *, today: date) -> list[str]:
    """The fields in which something looks like a personal identity number."""
    texts = {"sender_name": application.sender_name, "purpose": application.purpose}
    return [field for field, text in texts.items() if has_personal_number(text, today=today)]


def _approver_problems(application: Application, policy: Policy) -> dict[str, str]:
    """From outside to outside an inside person must approve, who is neither sender nor recipient."""
    typed = application.approver_email
    if not application.recipient_outside:
        for field in ("recipient_email", "sender_email"):
            if suggests_inside(getattr(application, field), inside_domains=policy.inside_domains):
                return {field: "address_mistyped"}
        return {"recipient_outside": "box_needed"}
    if not typed:
        return {"approver_email": "approver_empty"}
    if problem := party_problem(typed, policy):
        return {"approver_email": problem}
    if not policy.is_inside(read_address(typed)):
        return {"approver_email": "approver_outside"}
    if same_person(typed, application.sender_email) or same_person(typed, application.recipient_email):
        return {"approver_email": "approver_is_party"}
    return {}


def _direction_problems(application: Application, policy: Policy) -> dict[str, str]:
    """The problems that depend on which of the two are inside."""
    if same_person(application.sender_email, application.recipient_email):
        return {"recipient_email": "same_person"}
    match direction_of(application, policy):
        case Direction.THROUGH:
            return _approver_problems(application, policy)
        case Direction.OUTBOUND if application.days is not None:
            return {} if 1 <= application.days <= policy.max_days else {"days": "days_range"}
    return {}


def examine(application: Application, policy: Policy, *, today: date) -> dict[str, str]:
    """The codes of all problems by field, in the order of the form; empty if the application is valid."""
    by_field = {
        "sender_name": name_problem(application.sender_name),
        "sender_email": party_problem(application.sender_email, policy),
        "recipient_email": party_problem(application.recipient_email, policy),
        "purpose": _purpose_problem(application.purpose),
        "language": None if application.language in LANGUAGES else "language_unknown",
        "recipient_language": _recipient_language_problem(application),
        "accept_terms": None if application.terms_accepted else "terms_missing",
    }
    if not application.numbers_confirmed:
        for field in fields_with_number(application, today=today):
            by_field[field] = by_field[field] or "personal_number"
    problems = {field: code for field, code in by_field.items() if code}
    if not {"sender_email", "recipient_email"} & problems.keys():
        problems |= _direction_problems(application, policy)
    return problems
