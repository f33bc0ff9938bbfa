"""The demo's pretend provider: whoever presses a button is who they say. Nothing outside the demo asks it."""

import base64
import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import ECKey

from filsluss.identity.config import ProviderConfig
from filsluss.rules.permissions import StaffRole

ALGORITHM = "ES256"
CODE_LASTS, TOKEN_LASTS = timedelta(minutes=1), timedelta(minutes=5)
MOST_CODES = 100
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
LONGEST = 255


@dataclass(frozen=True)
class Face:
    """Somebody one can be in the demo; the group that they are in is called like their role."""

    key: str
    name: str
    address: str
    role: StaffRole | None = None


FACES = (
    Face("anna", "Anna Berg", "anna.berg@ltdalarna.se"),
    Face("karin", "Karin Lund", "karin.lund@ltdalarna.se"),
    Face("maria", "Maria Ek", "maria.ek@ltdalarna.se", StaffRole.ADMINISTRATOR),
    Face("olof", "Olof Dahl", "olof.dahl@ltdalarna.se", StaffRole.AUDITOR),
)
"""Staff, an approver, an administrator and an auditor."""


@dataclass(frozen=True)
class Asked:
    """What a sign-in was asked with (OpenID Connect Core 1.0, 3.1.2.1; RFC 7636, 4.3)."""

    state: str
    nonce: str
    challenge: str


@dataclass(frozen=True)
class Code:
    """What a code is given for, and until when."""

    face: Face
    asked: Asked
    until: datetime


class GrantRefused(Exception):
    """No token for that: `code` is the error of RFC 6749, 5.2."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class PretendProvider:
    """One for the demo's single web process; safe for threads. Its key is made with it and kept nowhere."""

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        self._key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        self._codes: dict[str, Code] = {}
        self._lock = threading.Lock()

    def keys(self) -> dict[str, Any]:
        """The JWK Set (RFC 7517)."""
        return {"keys": [self._key.as_dict(private=False)]}

    def asked_in(self, query: Mapping[str, str]) -> Asked | None:
        """What a browser asks for; None if that is not this service's own sign-in, with PKCE."""
        known = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": self.config.return_to,
            "code_challenge_method": "S256",
        }
        asked = Asked(*(query.get(name, "") for name in ("state", "nonce", "code_challenge")))
        is_known = all(query.get(name) == wanted for name, wanted in known.items())
        is_whole = 0 < len(asked.state) <= LONGEST and 0 < len(asked.nonce) <= LONGEST
        return asked if is_known and is_whole and CHALLENGE.fullmatch(asked.challenge) else None

    def answer(self, face: Face, asked: Asked, *, now: datetime) -> str:
        """Where the browser goes on, with a code that holds once and for a minute."""
        code = secrets.token_urlsafe(32)
        with self._lock:
            self._codes[code] = Code(face, asked, now + CODE_LASTS)
            for oldest in list(self._codes)[:-MOST_CODES]:
                del self._codes[oldest]
        query = {"code": code, "state": asked.state, "iss": self.config.issuer}
        return f"{self.config.return_to}?{urlencode(query)}"

    def tokens(self, form: Mapping[str, str], *, authorization: str, now: datetime) -> dict[str, Any]:
        """The answer of the token endpoint (OpenID Connect Core 1.0, 3.1.3.3). Raises GrantRefused.

        `authorization` is the header by which the client proves who it is.
        """
        client = f"{self.config.client_id}:{self.config.client_secret}"
        known = "Basic " + base64.b64encode(client.encode()).decode()
        if not hmac.compare_digest(authorization.encode(), known.encode()):
            raise GrantRefused("invalid_client")
        if form.get("grant_type") != "authorization_code":
            raise GrantRefused("unsupported_grant_type")
        with self._lock:
            code = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_asked = code is not None and now < code.until and code.asked.challenge == challenge
        if code is None or not is_asked or form.get("redirect_uri") != self.config.return_to:
            raise GrantRefused("invalid_grant")
        return {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LASTS.total_seconds()),
            "id_token": self._id_token(code, now=now),
        }

    def _id_token(self, code: Code, *, now: datetime) -> str:
        """Whoever comes here presses a button each time, so that every proof is of now."""
        face, at = code.face, int(now.timestamp())
        claims = {
            "iss": self.config.issuer,
            "aud": self.config.client_id,
            "sub": face.key,
            "nonce": code.asked.nonce,
            "iat": at,
            "auth_time": at,
            "exp": at + int(TOKEN_LASTS.total_seconds()),
            "name": face.name,
            "email": face.address,
            "email_verified": True,
            "groups": [face.role.value] if face.role else [],
        }
        header = {"alg": ALGORITHM, "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


@lru_cache(maxsize=1)
def pretend_provider(config: ProviderConfig) -> PretendProvider:
    """The one of this process, or of the process that it was forked from, if that had made it."""
    return PretendProvider(config)
