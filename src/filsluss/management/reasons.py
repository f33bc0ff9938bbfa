"""What the commands that act with a reason have in common: their arguments, and what they say if refused."""

import contextlib
from collections.abc import Iterator

from django.core.management.base import CommandError, CommandParser

from filsluss.actions.oversee import Reason
from filsluss.actions.transitions import StepRefused
from filsluss.management.os_account import os_account
from filsluss.rules.refusals import FormRefused

REASON_WORDS = {
    "reason_missing": "the reason must be 1 to 500 characters",
    "personal_number": (
        "the reason seems to contain a personal identity number: remove it, "
        "or say that it is none with --no-personal-number"
    ),
}


def add_reason(parser: CommandParser) -> None:
    parser.add_argument("--reason", required=True, help="told to the parties, at most 500 characters")
    parser.add_argument(
        "--no-personal-number",
        action="store_true",
        help="say that what looks like a personal identity number in the reason is none",
    )


def reason_in(reason: str, *, no_personal_number: bool) -> Reason:
    """The reason of whoever runs the command."""
    return Reason(reason, os_account(), numbers_confirmed=no_personal_number)


@contextlib.contextmanager
def refusals_in_words(*, too_late: str) -> Iterator[None]:
    """Turns a refusal into a CommandError; `too_late`: for a state that does not allow it."""
    try:
        yield
    except StepRefused:
        raise CommandError(too_late) from None
    except FormRefused as refused:
        raise CommandError(REASON_WORDS[refused.problems["reason"]]) from None
