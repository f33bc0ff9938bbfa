"""The administrator's labels for the states, steps, kinds of letter, alarms and roles that rows hold."""

from collections.abc import Mapping

from django.utils.translation import gettext
from django.utils.translation import gettext as _

from filsluss.rules.directions import BY_RULE, Direction, Role
from filsluss.rules.letter_kinds import traits_of
from filsluss.rules.lifecycle import RemovalCode, State
from filsluss.rules.permissions import StaffRole


def state_label(state: str) -> str:
    words = {
        State.NEW: _("new"),
        State.PENDING: _("waiting for an answer"),
        State.OPEN: _("open"),
        State.CLOSING: _("being deleted"),
        State.CLOSED: _("ended"),
        State.REJECTED: _("rejected"),
        State.LAPSED: _("not answered"),
        State.WITHDRAWN: _("withdrawn"),
    }
    return words[State(state)]


STATE_TONES = {State.PENDING: "warn", State.OPEN: "ok"}
"""The CSS class of a state's tag, beside its word; the others are over."""


def way_label(direction: str) -> str:
    words = {
        Direction.OUTBOUND: _("out"),
        Direction.INBOUND: _("in"),
        Direction.THROUGH: _("through"),
    }
    return words[Direction(direction)]


def step_label(step: str) -> str:
    """The label of a step in the audit trail; the name itself if an older version wrote it."""
    words = {
        "applied": _("requested"),
        "approved": _("approved"),
        "rejected": _("request rejected"),
        "withdrawn": _("request withdrawn"),
        "taken-back": _("withdrawn by the sender"),
        "lapsed": _("not answered in time"),
        "ended": _("account ended"),
        "closed": _("account ended by the administrator"),
        "erased": _("all deleted and told"),
        "received": _("uploaded"),
        "ready": _("ready to download"),
        "unscanned": _("could not be checked for viruses"),
        "infected": _("malicious code was found"),
        "release-asked": _("one person of two let it through"),
        "released": _("let through without a virus check"),
        "fetched": _("downloaded"),
        "partly-fetched": _("partly downloaded"),
        "reported": _("abuse reported"),
        "extended": _("account extended"),
        "letter-sent-again": _("an email sent again"),
        "block-added": _("address or domain blocked"),
        "block-removed": _("block ended"),
        "file-ended": _("to be deleted: the account has ended"),
        "file-removed": _("to be deleted: decided by the administrator"),
        "file-withdrawn": _("to be deleted: decided by the sender"),
        "local-sign-in": _("signed in with an account of this service"),
        "case-opened": _("case opened by an auditor"),
        "role-given": _("role given"),
        "role-taken": _("role taken away"),
        "person-shut-out": _("person shut out"),
        "person-let-in": _("person let in again"),
        "sessions-ended": _("all sessions of a person ended"),
        "account-added": _("account of this service made"),
        "account-unlocked": _("account of this service unlocked"),
        "account-removed": _("account of this service deleted"),
        "code-drawn-again": _("a new download code"),
        "file-stale": _("to be deleted: never finished"),
        "file-damaged": _("to be deleted: damaged in storage"),
        "file-missing": _("not found in storage, will be looked for again"),
        "file-infected": _("to be deleted: malicious code was found"),
        "file-withheld": _("deleted by the administrator, can be restored"),
        "file-restored": _("restored by the administrator"),
        "file-erased": _("deleted"),
    }
    return words.get(step, step)


def removal_label(code: str) -> str:
    """The label of a RemovalCode; empty for one that is not known."""
    words = {
        RemovalCode.VIRUS: _("Malicious code"),
        RemovalCode.WRONG_RECIPIENT: _("Wrong recipient"),
        RemovalCode.PERSONAL_DATA: _("Personal data"),
        RemovalCode.SECRECY: _("Confidential information"),
        RemovalCode.ABUSE: _("Misuse of the service"),
        RemovalCode.OTHER: _("Another reason"),
    }
    return next((label for known, label in words.items() if known == code), "")


def detail_label(detail: Mapping[str, str] | None) -> str:
    """What an entry of the trail notes besides its reason: of a number that looks like a personal one, or the
    reason that was chosen; else empty."""
    words = {
        ("confirmed", "personal_number"): _(
            "What looks like a personal identity number was said not to be one."
        ),
        ("seen", "personal_number"): _("The name of the file seems to contain a personal identity number."),
    }
    noted = dict(detail or {})
    chosen = noted.pop("removal", "")
    until = noted.pop("until", "")
    found = [_("The new last day is %(day)s.") % {"day": until}] if until else []
    found += [words[pair] for pair in noted.items() if pair in words]
    return " ".join([*([f"{removal_label(chosen)}."] if removal_label(chosen) else []), *found])


def letter_label(kind: str) -> str:
    """The label of a kind of letter; the name itself if it has none."""
    label = traits_of(kind).label
    return gettext(label) if label else kind


def alarm_label(name: str) -> str:
    words = {
        "scanner": _("The virus scanner does not work"),
        "unscanned": _("Files wait for a virus check"),
        "disk": _("The disk is almost full"),
        "letters": _("Emails stay in the outbox"),
        "given-up": _("Emails did not arrive"),
        "clock": _("The clock has leapt, so nothing is ended or forgotten"),
        "jobs": _("A job failed for a part of its work"),
        "reconcile": _("Store and database disagree"),
        "sign-ins": _("Many sign-ins fail"),
        "nodes": _("A part of the service is missing or set up wrongly"),
        "proxy": _("Requests come through a proxy that is not named"),
        "provider": _("The sign-in provider does not answer"),
        "persons": _("Two people have the same address"),
    }
    return words.get(name, name)


def event_label(kind: str) -> str:
    """The label of a kind of security event, and of what the audit trail adds to them."""
    words = {
        "trail": _("decisions and downloads"),
        "sign-in": _("sign-in"),
        "sign-out": _("sign-out"),
        "read": _("administrator read"),
        "export": _("administrator exported"),
        "code": _("code"),
        "application": _("request"),
        "decision": _("decision"),
        "upload": _("upload"),
        "download": _("download"),
        "report": _("report"),
        "administration": _("administrator’s pages"),
        "other": _("other pages"),
    }
    return words.get(kind, kind)


def outcome_label(outcome: str) -> str:
    words = {
        "right": _("succeeded"),
        "wrong": _("wrong"),
        "limited": _("refused: too many attempts"),
        "forbidden": _("refused: not allowed"),
        "blocked": _("a blocked address"),
        "done": _("done"),
        "list": _("the list of cases"),
        "search": _("a search"),
        "transfer": _("a case"),
        "security-log": _("the security log"),
        "block-list": _("the block list"),
        "trail": _("the whole audit trail"),
        "backup": _("a backup"),
    }
    return words.get(outcome, outcome)


def delivery_label(delivery: str) -> str:
    words = {
        "collecting": _("waiting for more files"),
        "queued": _("waiting to be sent"),
        "sent": _("sent"),
        "given_up": _("given up"),
        "withdrawn": _("not sent: no longer true"),
    }
    return words.get(delivery, delivery)


def role_label(role: str) -> str:
    words = {
        Role.SENDER: _("the sender"),
        Role.RECIPIENT: _("the recipient"),
        Role.APPROVER: _("the approver"),
        StaffRole.ADMINISTRATOR: _("the administrator"),
        StaffRole.AUDITOR: _("the auditor"),
        StaffRole.REGISTRAR: _("the registrar"),
        StaffRole.HELP_DESK: _("the help desk"),
        StaffRole.SECURITY_OFFICER: _("the security officer"),
        BY_RULE: _("the service"),
    }
    return words.get(role, role)
