"""Download: a code is exchanged for its file, and a whole fetch is remembered."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from filsluss.actions.transitions import record_audit, withdraw_needless_reminder
from filsluss.letters import compose
from filsluss.models import Attempt, TransferFile, serialize_on
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import FileState
from filsluss.rules.networks import Client, rate_key
from filsluss.rules.policy import Policy
from filsluss.rules.throttle import Failures, delay_after
from filsluss.rules.tokens import code_digest, read_code

WRONG_CODE = "wrong-code"


class WrongCode(Exception):
    """No file that may be fetched now answers to this code."""


class TooManyTries(Exception):
    """This network has guessed too often, the file is as reachable as before; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def file_by_code(typed: str, *, client: Client, policy: Policy, now: datetime) -> TransferFile:
    """The ready file of an open transfer with that code; raises WrongCode or TooManyTries."""
    network = rate_key(client.address or "unknown")
    with transaction.atomic():
        serialize_on(WRONG_CODE, now=now)
        pause = seconds_until_heard(network, now=now)
        found = None if pause else _find(typed, policy=policy, now=now)
        if not pause and found is None:
            Attempt.objects.create(kind=WRONG_CODE, network=network, at=now)
            pause = seconds_until_heard(network, now=now)
    if pause:
        raise TooManyTries(pause)
    if found is None:
        raise WrongCode
    return found


def _find(typed: str, *, policy: Policy, now: datetime) -> TransferFile | None:
    digests = [code_digest(key, read_code(typed)) for key in policy.code_keys]
    found = TransferFile.objects.filter(code_digest__in=digests).select_related("transfer").first()
    return found if found and found.is_open_at(now) else None


def seconds_until_heard(network: str, *, now: datetime, kind: str = WRONG_CODE) -> int:
    """Seconds until this network is heard again; 0 now, and always for one that has not guessed wrong."""
    wrong = Attempt.objects.filter(kind=kind, at__gt=now - timedelta(hours=24))
    mine = list(wrong.filter(network=network).order_by("at").values_list("at", flat=True))
    in_all = wrong.filter(at__gt=now - timedelta(hours=1)).count() if mine else 0
    return delay_after(Failures(mine, in_all), now=now)


def record_sent_bytes(file: TransferFile, *, start: int, reached: int, policy: Policy, now: datetime) -> None:
    """Bytes `start` to `reached` have left; the last one, with all before it sent, makes a fetch.

    That record is the one trace a GET leaves.
    """
    with transaction.atomic():
        row = TransferFile.objects.filter(pk=file.pk, state=FileState.READY)
        if reached != file.size:
            row.filter(sent_until__gte=start, sent_until__lt=reached).update(sent_until=reached)
        elif row.filter(sent_until__gte=start).update(
            sent_until=0, fetches=F("fetches") + 1, fetched_last_at=now
        ):
            record_audit(file.transfer, step="fetched", by="", role=Role.RECIPIENT, now=now, file=file)
            if row.filter(fetched_at=None).update(fetched_at=now):
                queue_receipt(file, policy=policy, now=now)


def queue_receipt(file: TransferFile, *, policy: Policy, now: datetime) -> None:
    """The first whole fetch: the sender hears of it, once for each file."""
    file.fetched_at = now
    compose.write(
        "file-downloaded", transfer=file.transfer, role=Role.SENDER, policy=policy, now=now, file=file
    )
    withdraw_needless_reminder(file.transfer, now=now)
