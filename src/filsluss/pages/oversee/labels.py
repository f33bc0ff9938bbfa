"""What the administrator reads for each state, step, letter and role: words for the names that rows hold."""

from django.utils.translation import gettext as _

from filsluss.rules.lifecycle import State


def state_label(state: str) -> str:
    words = {
        State.NEW: _("new"),
        State.PENDING: _("waiting for an answer"),
        State.OPEN: _("open"),
        State.CLOSING: _("being deleted"),
        State.CLOSED: _("ended"),
        State.REJECTED: _("rejected"),
        State.LAPSED: _("not answered"),
    }
    return words[State(state)]


def step_label(step: str) -> str:
    """A step of the audit trail; the name itself for one that an older version wrote."""
    words = {
        "applied": _("requested"),
        "approved": _("approved"),
        "rejected": _("rejected"),
        "withdrawn": _("request withdrawn"),
        "lapsed": _("not answered in time"),
        "ended": _("account ended"),
        "closed": _("account closed"),
        "erased": _("all deleted and told"),
        "received": _("uploaded"),
        "ready": _("ready to download"),
        "unscanned": _("could not be checked for viruses"),
        "infected": _("malicious code was found"),
        "released": _("let through without a virus check"),
        "fetched": _("downloaded"),
        "reported": _("abuse reported"),
        "file-ended": _("to be deleted: time was up"),
        "file-removed": _("to be deleted: removed by the administrator"),
        "file-withdrawn": _("to be deleted: removed by the sender"),
        "file-stale": _("to be deleted: never finished"),
        "file-damaged": _("to be deleted: damaged in storage"),
        "file-infected": _("to be deleted: malicious code was found"),
        "file-erased": _("deleted"),
    }
    return words.get(step, step)


def letter_label(kind: str) -> str:
    words = {
        "approved": _("Approved"),
        "received": _("Receipt"),
        "approval-requested": _("Request to approve"),
        "approval-reminder": _("Reminder to the approver"),
        "rejected": _("Rejected"),
        "lapsed": _("Not answered in time"),
        "file-ready": _("A file is ready"),
        "file-downloaded": _("A file was downloaded"),
        "expiry-reminder": _("The time is soon up"),
        "file-removed": _("A file was removed"),
        "file-infected": _("Malicious code was found"),
        "abuse-reported": _("Abuse was reported"),
        "undelivered": _("An email did not arrive"),
        "erased": _("All files deleted"),
    }
    return words.get(kind, kind)


def alarm_label(name: str) -> str:
    words = {
        "scanner": _("The virus scanner does not work"),
        "unscanned": _("Files wait for a virus check"),
        "disk": _("The disk is almost full"),
        "letters": _("Emails stay in the outbox"),
        "given-up": _("Emails did not arrive"),
        "clock": _("The clock has leapt, so nothing is ended or forgotten"),
        "reconcile": _("Store and database disagree"),
    }
    return words.get(name, name)


def delivery_label(delivery: str) -> str:
    words = {
        "queued": _("waiting to be sent"),
        "sent": _("sent"),
        "given_up": _("given up"),
        "withdrawn": _("not sent: no longer true"),
    }
    return words.get(delivery, delivery)


def actor_label(actor: str, role: str) -> str:
    """Who did it: by name while the case is remembered, by role after that."""
    words = {
        "sender": _("the sender"),
        "recipient": _("the recipient"),
        "approver": _("the approver"),
        "administrator": _("the administrator"),
        "rule": _("the service"),
    }
    return actor or words.get(role, role)
