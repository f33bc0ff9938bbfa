"""Second factors of local accounts: codes of an app (RFC 6238), recovery codes, and limits of tries."""

import base64
import hmac
import secrets
from datetime import datetime, timedelta

import pyotp
from django.conf import settings
from django.db import transaction

from filsluss.actions.limits import Limit, attempts, refuse_over
from filsluss.actions.security_log import hidden_account
from filsluss.models import Attempt, Installation, Passkey, Person, RecoveryCode, Totp, serialize_on
from filsluss.rules.encryption import DecryptionFailed, decrypt, encrypt
from filsluss.rules.sign_in import How
from filsluss.rules.tokens import code_digest, draw_code, read_code

RECOVERY_CODES = 10
STEP = 30
"""Seconds that a code of an app is shown."""
AROUND = (-1, 0, 1)
"""The steps whose codes are taken: the clock of a phone may be wrong by one (RFC 6238, 5.2)."""
TRIED = "second-factor"
RECOVERY_KEY, KEY_USE = "recovery-code-key", "second-factor"
"""The row of the key of recovery codes, and what it is encrypted for."""
MOST, WINDOW = 5, timedelta(minutes=10)
MOST_OF_DAY, DAY = 20, timedelta(days=1)


def has_factor(person: Person) -> bool:
    """Whether a factor of theirs is in force; recovery codes alone are none."""
    totp = Totp.objects.filter(person=person, proved_at__isnull=False).first()
    return bool(totp and totp.is_readable) or Passkey.objects.filter(person=person).exists()


def forget_factors(person: Person) -> None:
    for table in (Totp, Passkey, RecoveryCode):
        table._default_manager.filter(person=person).delete()


def count_try(person: Person, *, now: datetime) -> None:
    """Counts a code before it is looked at, as who knows the password may guess. Raises LimitReached."""
    account = hidden_account(person.user.username.casefold())
    with transaction.atomic():
        serialize_on(TRIED, now=now)
        for most, window in ((MOST, WINDOW), (MOST_OF_DAY, DAY)):
            times = attempts(TRIED, network=account, since=now - window)
            refuse_over(times, most=most, window=window, limit=Limit.SIGN_INS, now=now)
        Attempt.objects.create(kind=TRIED, network=account, at=now)


def forget_tries(person: Person) -> None:
    Attempt.objects.filter(kind=TRIED, network=hidden_account(person.user.username.casefold())).delete()


def app_of(person: Person, *, now: datetime) -> Totp:
    """The app's secret; a new one, not in force before its first code, if there is none that can be read."""
    new = {"secret": pyotp.random_base32(), "made_at": now, "proved_at": None, "last_step": 0}
    totp, _ = Totp.objects.get_or_create(person=person, defaults=new)
    if not totp.is_readable:
        totp, _ = Totp.objects.update_or_create(person=person, defaults=new)
    return totp


def address_of_app(totp: Totp, *, name: str, issuer: str) -> str:
    """What an app reads from the QR code (`otpauth://totp/…`)."""
    return str(pyotp.TOTP(totp.secret).provisioning_uri(name=name, issuer_name=issuer))


def take_app_code(person: Person, *, typed: str, proving: bool = False, now: datetime) -> bool:
    """Whether it is the code of now of an app in force, and was not taken before (RFC 6238, 5.2).

    `proving`: also of one whose first code this is; it is in force from then on.
    """
    totp = Totp.objects.filter(person=person).first()
    code = "".join(typed.split())
    if totp is None or not totp.is_readable or not (totp.proved_at or proving):
        return False
    if not (code.isascii() and code.isdigit()):
        return False
    step = _step_of(totp, code=code, now=now)
    if step is None:
        return False
    unused = Totp.objects.filter(pk=totp.pk, last_step__lt=step)
    return unused.update(last_step=step, proved_at=totp.proved_at or now) == 1


def _step_of(totp: Totp, *, code: str, now: datetime) -> int | None:
    here = int(now.timestamp()) // STEP
    made = pyotp.TOTP(totp.secret)
    steps = [here + off for off in AROUND if hmac.compare_digest(made.at((here + off) * STEP), code)]
    return steps[0] if steps else None


def remove_factor(person: Person, *, chosen: str) -> bool:
    """Removes a passkey, by its number, or the app (`chosen` "app"); never the last factor in force."""
    keys = Passkey.objects.filter(person=person)
    app = Totp.objects.filter(person=person, proved_at__isnull=False)
    if keys.count() + app.count() < 2:
        return False
    number = int(chosen) if chosen.isdecimal() and len(chosen) < 19 else 0
    rows = app if chosen == "app" else keys.filter(pk=number)
    return bool(rows.delete()[0])


def new_recovery_codes(person: Person, *, now: datetime) -> list[str]:
    """New ones, to be shown once; those of before hold no longer."""
    codes = [draw_code() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        serialize_on(RECOVERY_KEY, now=now)
        key = recovery_key() or _draw_recovery_key()
        RecoveryCode.objects.filter(person=person).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(person=person, digest=code_digest(key, code), made_at=now) for code in codes
        )
    return codes


def take_recovery_code(person: Person, *, typed: str, now: datetime) -> bool:
    """Whether it is one of theirs that was not used; it is used now."""
    key = recovery_key()
    if key is None:
        return False
    digest = code_digest(key, read_code(typed))
    return RecoveryCode.objects.filter(person=person, digest=digest, used_at=None).update(used_at=now) == 1


def recovery_key() -> bytes | None:
    """The key of the HMACs of recovery codes; None if there is none, or no secret key opens it.

    It is drawn, and not derived from the secret key, since the HMAC of a code cannot be made anew.
    """
    row = Installation.objects.filter(name=RECOVERY_KEY).first()
    try:
        return base64.b64decode(decrypt(row.value, settings.ENCRYPTION_KEYS[KEY_USE])) if row else None
    except DecryptionFailed:
        return None


def _draw_recovery_key() -> bytes:
    key = secrets.token_bytes(32)
    _keep_recovery_key(key)
    return key


def _keep_recovery_key(key: bytes) -> None:
    sealed = encrypt(base64.b64encode(key).decode(), settings.ENCRYPTION_KEYS[KEY_USE])
    Installation.objects.update_or_create(name=RECOVERY_KEY, defaults={"value": sealed})


def seal_recovery_key_anew() -> bool | None:
    """Encrypts the key of recovery codes with the secret key in use.

    False if no secret key opens it, None if there is no such key.
    """
    key = recovery_key()
    if key is None:
        return False if Installation.objects.filter(name=RECOVERY_KEY).exists() else None
    _keep_recovery_key(key)
    return True


def take_code(person: Person, *, typed: str, now: datetime) -> How | None:
    """Which factor the code is of; None if it is wrong. Raises LimitReached."""
    count_try(person, now=now)
    if take_app_code(person, typed=typed, now=now):
        how = How.TOTP
    elif take_recovery_code(person, typed=typed, now=now):
        how = How.RECOVERY_CODE
    else:
        return None
    forget_tries(person)
    return how
