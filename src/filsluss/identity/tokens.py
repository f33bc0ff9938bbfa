"""Verification of what a provider signs: the libraries judge, and this says what they are asked."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from authlib.oauth2.claims import JWTClaims
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from filsluss.identity.failures import TokenRefused
from filsluss.rules.sign_in import CLOCKS_APART

ALGORITHMS = frozenset("RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split())
"""Only those with a key pair: neither `none` nor a MAC, for which the public key could be taken as secret."""
KEY_TYPES: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
LEEWAY = int(CLOCKS_APART.total_seconds())
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_LASTS = 600
"""Seconds since a logout token was made, after which it is not taken any more."""
BROKEN = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What the libraries raise for a token that is none."""


class UnknownKey(TokenRefused):
    """It is signed with a key that the provider had not published when it was last asked."""


def read_keys(published: Mapping[str, Any]) -> KeySet:
    """The keys for signatures of a JWK Set (RFC 7517). Others are left out, and what cannot be read."""
    found = []
    for each in published.get("keys", ()) if isinstance(published.get("keys"), list) else ():
        if isinstance(each, dict) and each.get("kty") in KEY_TYPES and each.get("use", "sig") == "sig":
            try:
                found.append(KEY_TYPES[each["kty"]].import_key(each))
            except BROKEN:
                continue
    return KeySet(found)


def decoded(token: Any, *, keys: KeySet, algorithms: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a signed token. Raises UnknownKey or TokenRefused."""
    allowed = sorted(ALGORITHMS.intersection(algorithms))
    try:
        found = jwt.decode(token, keys, registry=JWSRegistry(algorithms=allowed, strict_check_header=False))
    except InvalidKeyIdError as fault:
        raise UnknownKey("key", str(fault)) from None
    except BROKEN as fault:
        raise TokenRefused("signature", f"{type(fault).__name__}: {fault}") from None
    if not isinstance(found.claims, dict):
        raise TokenRefused("signature", "its claims are no object")
    return dict(found.header), dict(found.claims)


def verify_id_token(
    header: dict[str, Any],
    claims: dict[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str,
    now: datetime,
) -> None:
    """Raises TokenRefused unless the claims are for us, from there, of now and of this sign-in.

    OpenID Connect Core 1.0, 3.1.3.7: iss, aud, azp, exp, iat, nonce, at_hash, by Authlib.
    """
    options = {
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": client_id},
        "nonce": {"essential": True, "value": nonce},
    }
    params = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    _validate(CodeIDToken(claims, header, options, params), now=now)


def verify_logout_token(
    header: dict[str, Any], claims: dict[str, Any], *, issuer: str, client_id: str, now: datetime
) -> None:
    """Raises TokenRefused unless it ends sessions of ours (OpenID Connect Back-Channel Logout 1.0, 2.6)."""
    essential = {"essential": True}
    options: dict[str, Any] = {
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": client_id},
        **dict.fromkeys(("iat", "jti", "events"), essential),
    }
    _validate(JWTClaims(claims, header, options), now=now)
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise TokenRefused("events")
    if "nonce" in claims:
        raise TokenRefused("nonce", "a logout token has none: it may be an ID token")
    if int(now.timestamp()) - claims["iat"] > LOGOUT_LASTS:
        raise TokenRefused("clock", "it is too old")
    if not any(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "sid")):
        raise TokenRefused("sub")


def _validate(claims: JWTClaims, *, now: datetime) -> None:
    try:
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY)
    except ExpiredTokenError as fault:
        raise TokenRefused("clock", str(fault)) from None
    except InvalidClaimError as fault:
        code = "clock" if fault.claim in ("iat", "nbf") else "claim"
        raise TokenRefused(code, str(fault)) from None
    except BROKEN as fault:
        raise TokenRefused("claim", f"{type(fault).__name__}: {fault}") from None
