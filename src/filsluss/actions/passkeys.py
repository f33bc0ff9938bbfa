"""Passkeys of local accounts (WebAuthn Level 3): registered and asserted, with the user verified."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from filsluss.models import Passkey, Person

MOST = 10
"""Passkeys of one account."""
VERIFIED = UserVerificationRequirement.REQUIRED
State = dict[str, Any]
"""The challenge and what it was for, kept in the session until the answer comes."""


class PasskeyRefused(Exception):
    """The browser's answer is not right; the text says why, for the log."""


def are_possible(base_url: str) -> bool:
    """Browsers tie passkeys to a name, and take no address for one (WebAuthn, 5.1.2)."""
    host = urlsplit(base_url).hostname or ""
    return ":" not in host and not host.rpartition(".")[2].isdigit()


def server_for(base_url: str, *, name: str) -> Fido2Server:
    """One that takes answers of pages at `base_url` alone."""
    host = urlsplit(base_url).hostname or ""
    relying = PublicKeyCredentialRpEntity(name=name, id=host)
    return Fido2Server(relying, verify_origin=lambda origin: origin == base_url)


def begin_registration(person: Person, *, server: Fido2Server) -> tuple[dict[str, Any], State]:
    """The options for `navigator.credentials.create`, as JSON, and the state."""
    user = PublicKeyCredentialUserEntity(
        id=f"person:{person.pk}".encode(), name=person.user.username, display_name=person.user.username
    )
    options, state = server.register_begin(
        user,
        _credentials(person),
        user_verification=VERIFIED,
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
    )
    return dict(options.public_key), state


def register(
    person: Person, *, answer: Mapping[str, Any], state: State, server: Fido2Server, name: str, now: datetime
) -> Passkey:
    """The new passkey. Raises PasskeyRefused."""
    try:
        found = server.register_complete(state, answer).credential_data
    except Exception as fault:  # the library raises what parsing raises
        raise PasskeyRefused(str(fault)) from fault
    if found is None or Passkey.objects.filter(person=person).count() >= MOST:
        raise PasskeyRefused("no credential, or too many")
    credential_id = websafe_encode(found.credential_id)
    if Passkey.objects.filter(credential_id=credential_id).exists():
        raise PasskeyRefused("known already")
    return Passkey.objects.create(
        person=person,
        credential_id=credential_id,
        credential_data=websafe_encode(bytes(found)),
        name=name[:100],
        made_at=now,
    )


def begin_assertion(person: Person, *, server: Fido2Server) -> tuple[dict[str, Any], State]:
    """The options for `navigator.credentials.get`, as JSON, and the state."""
    options, state = server.authenticate_begin(_credentials(person), user_verification=VERIFIED)
    return dict(options.public_key), state


def take_assertion(
    person: Person, *, answer: Mapping[str, Any], state: State, server: Fido2Server, now: datetime
) -> None:
    """Raises PasskeyRefused for a wrong answer, and for a counter that falls (WebAuthn, 6.1.1)."""
    try:
        used = server.authenticate_complete(state, _credentials(person), answer)
        count = _counter_of(answer)
    except Exception as fault:  # as above
        raise PasskeyRefused(str(fault)) from fault
    known = Passkey.objects.filter(person=person, credential_id=websafe_encode(used.credential_id))
    grown = known.filter(sign_count__lt=count) if count else known.filter(sign_count=0)
    if grown.update(sign_count=count, used_at=now) != 1:
        raise PasskeyRefused("the counter has not grown: the passkey may have been copied")


def _counter_of(answer: Mapping[str, Any]) -> int:
    """`signCount` of the authenticator data: after 32 bytes of hash and one of flags (WebAuthn, 6.1)."""
    data = websafe_decode(answer["response"]["authenticatorData"])
    return int.from_bytes(data[33:37], "big")


def _credentials(person: Person) -> list[AttestedCredentialData]:
    rows = Passkey.objects.filter(person=person).order_by("pk")
    return [AttestedCredentialData(websafe_decode(row.credential_data)) for row in rows]
