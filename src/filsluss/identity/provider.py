"""The provider: its metadata and keys, kept for an hour, the address of a sign-in, and the claims of one."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from joserfc.jwk import KeySet

from filsluss.identity import tokens
from filsluss.identity.config import ProviderConfig
from filsluss.identity.failures import ProviderAway, TokenRefused
from filsluss.identity.web import client, fetch_tokens, read_date, read_json
from filsluss.rules.hosts import is_loopback_name
from filsluss.rules.identity import moment
from filsluss.rules.paths import WELL_KNOWN
from filsluss.rules.sign_in import CLOCKS_APART, Flow

KEPT = 3600.0
"""Seconds that metadata and keys are used before they are asked for again."""
NOT_BEFORE, LOGOUT_NOT_BEFORE = 10.0, 300.0
"""Seconds that keys must be old before an unknown one makes us ask again. A logout token may be anybody's."""
PAUSE = 5.0
"""Seconds after a failure in which nobody else waits for the provider."""
AT_ONCE = 20
"""Requests to the provider at a time, so that a slow one does not take every thread of the pages."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass
class Kept:
    """What was fetched, and when by the monotonic clock."""

    value: Any = None
    at: float = 0.0


class Provider:
    """One for each process; safe for threads. `clock` counts seconds."""

    def __init__(self, config: ProviderConfig, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.config, self._clock = config, clock
        self._metadata, self._keys = Kept(), Kept()
        self._lock, self._turns = threading.Lock(), threading.BoundedSemaphore(AT_ONCE)
        self._failed_at: float | None = None

    @property
    def is_away(self) -> bool:
        """Whether the last request to it failed."""
        return self._failed_at is not None

    @contextmanager
    def _asking(self, *, waits: bool = False) -> Iterator[None]:
        """A request to the provider. Raises ProviderAway at once, unless it `waits`, where that is likely."""
        if not waits and self._failed_at is not None and self._clock() - self._failed_at < PAUSE:
            raise ProviderAway("it failed a moment ago")
        if not self._turns.acquire(blocking=False):
            raise ProviderAway(f"{AT_ONCE} requests wait for it already")
        try:
            yield
        except ProviderAway:
            self._failed_at = self._clock()
            raise
        finally:
            self._turns.release()
        self._failed_at = None

    def _fetched(self, kept: Kept, fetch: Callable[[], Any], *, within: float) -> Any:
        """What is kept, fetched anew if it is older than `within` seconds; one thread fetches for all."""
        if kept.value is not None and self._clock() - kept.at < within:
            return kept.value
        with self._asking(), self._lock:
            if kept.value is None or self._clock() - kept.at >= within:
                kept.value, kept.at = fetch(), self._clock()
        return kept.value

    def metadata(self) -> Mapping[str, Any]:
        """OpenID Connect Discovery 1.0, 4. Raises ProviderAway."""
        found: Mapping[str, Any] = self._fetched(self._metadata, self._discover, within=KEPT)
        return found

    def _discover(self) -> Mapping[str, Any]:
        """Raises ProviderAway also where it is another's, as behind an address for all tenants at once."""
        issuer = self.config.issuer
        found = read_json(self.config, issuer.rstrip("/") + WELL_KNOWN.path("openid-configuration"))
        if found.get("issuer") != issuer:
            raise ProviderAway(f"{issuer} calls itself {found.get('issuer')!r}: set that, of one tenant")
        for name in ENDPOINTS:
            if not _is_safe(found.get(name), issuer=issuer):
                raise ProviderAway(f"{issuer} names no https address as its {name}")
        return found

    def look(self) -> None:
        """Asks for metadata and keys anew, whatever is kept. Raises ProviderAway."""
        with self._asking(waits=True):
            found = self._discover()
            keys = self._read_keys(str(found["jwks_uri"]))
        self._metadata, self._keys = Kept(found, self._clock()), Kept(keys, self._clock())

    def keys(self, *, within: float = KEPT) -> KeySet:
        """The keys that it signs with. Raises ProviderAway."""
        url = self.metadata()["jwks_uri"]
        found: KeySet = self._fetched(self._keys, lambda: self._read_keys(url), within=within)
        return found

    def _read_keys(self, url: str) -> KeySet:
        found = tokens.read_keys(read_json(self.config, url))
        if not found.keys:
            raise ProviderAway(f"{url} holds no key to verify a signature with")
        return found

    def address_for(self, flow: Flow, *, language: str) -> str:
        """Where a browser begins this sign-in. Raises ProviderAway."""
        metadata = self.metadata()
        more = {"acr_values": " ".join(self.config.acr)} if self.config.acr else {}
        if flow.is_fresh:
            more |= {"prompt": "login", "max_age": "0"}
        with client(self.config, metadata) as session:
            url, _ = session.create_authorization_url(
                metadata["authorization_endpoint"],
                state=flow.state,
                nonce=flow.nonce,
                code_verifier=flow.verifier,
                ui_locales=language,
                **more,
            )
        return str(url)

    def check_answer(self, issuer: str | None) -> None:
        """The parameter `iss` of an answer (RFC 9207), against another provider's in its place."""
        named = bool(self.metadata().get("authorization_response_iss_parameter_supported"))
        if issuer != self.config.issuer and (named or issuer is not None):
            raise TokenRefused("issuer", "the answer is from another provider")

    def claims_of(self, code: str, *, flow: Flow, now: datetime) -> dict[str, Any]:
        """The verified claims of whoever signed in. Raises ProviderAway or TokenRefused."""
        metadata = self.metadata()
        with self._asking():
            given = fetch_tokens(self.config, metadata, code=code, verifier=flow.verifier)
        access = given.get("access_token")
        access = access if isinstance(access, str) else ""
        header, claims = self._decoded(given.get("id_token"), not_before=NOT_BEFORE)
        tokens.verify_id_token(
            header,
            claims,
            issuer=self.config.issuer,
            client_id=self.config.client_id,
            nonce=flow.nonce,
            access_token=access,
            now=now,
        )
        self._check_level(claims, flow=flow, now=now)
        return self._with_more(claims, access)

    def _check_level(self, claims: Mapping[str, Any], *, flow: Flow, now: datetime) -> None:
        """Whether it was proved well enough and, where that was asked for, just now.

        Authlib asks only whether `auth_time` is there, and takes `max_age` 0 for none.
        """
        if self.config.acr and claims.get("acr") not in self.config.acr:
            raise TokenRefused("level", f"acr is {claims.get('acr')!r}")
        proved_at = moment(claims.get("auth_time"))
        if proved_at is not None and proved_at > now + CLOCKS_APART:
            raise TokenRefused("clock", "auth_time is to come")
        began = datetime.fromtimestamp(flow.began, UTC)
        if flow.is_fresh and (proved_at is None or proved_at < began - CLOCKS_APART):
            raise TokenRefused("stale", f"auth_time is {claims.get('auth_time')!r}")

    def _with_more(self, claims: dict[str, Any], access: str) -> dict[str, Any]:
        """The claims, and those of the userinfo endpoint if something that is needed is not among them."""
        url, config = self.metadata().get("userinfo_endpoint"), self.config
        if not access or not config.claims.lacking(claims) or not _is_safe(url, issuer=config.issuer):
            return claims
        with self._asking():
            more = read_json(config, str(url), bearer=access)
        if more.get("sub") != claims.get("sub"):
            raise TokenRefused("userinfo", "it is about another person")
        return {**more, **claims}

    def _decoded(self, token: Any, *, not_before: float) -> tuple[dict[str, Any], dict[str, Any]]:
        """A key that is not known may be new: the keys are asked for once more, unless that was just now."""
        metadata = self.metadata()
        algorithms = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        try:
            return tokens.decoded(token, keys=self.keys(), algorithms=algorithms)
        except tokens.UnknownKey:
            if self._clock() - self._keys.at < not_before:
                raise
        return tokens.decoded(token, keys=self.keys(within=not_before), algorithms=algorithms)

    def logout_claims(self, token: str, *, now: datetime) -> dict[str, Any]:
        """The verified claims of a logout token. Raises ProviderAway or TokenRefused."""
        header, claims = self._decoded(token, not_before=LOGOUT_NOT_BEFORE)
        tokens.verify_logout_token(
            header, claims, issuer=self.config.issuer, client_id=self.config.client_id, now=now
        )
        return claims

    def try_client(self) -> None:
        """Shows a code that is none, which a provider that knows this client refuses. Raises ProviderAway."""
        flow = Flow.begin("", is_fresh=False, now=datetime.now(UTC))
        try:
            fetch_tokens(self.config, self.metadata(), code="no-code", verifier=flow.verifier)
        except TokenRefused:
            return

    def clock_apart(self, *, now: datetime) -> timedelta | None:
        """How far its clock is ahead of `now`, by the header Date; None if it does not say."""
        said = read_date(self.config, self.metadata()["jwks_uri"])
        return said - now if said else None

    def end_of_session(self) -> str:
        """Where a browser ends its session at the provider; empty if that is not known."""
        url = str((self._metadata.value or {}).get("end_session_endpoint", ""))
        if not _is_safe(url, issuer=self.config.issuer):
            return ""
        return f"{url}{'&' if '?' in url else '?'}{urlencode({'client_id': self.config.client_id})}"


def _is_safe(url: Any, *, issuer: str) -> bool:
    """Whether it is an https address; http only on this machine, beside an issuer that is there, too."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable():
        return False
    parts = urlsplit(url)
    is_local = parts.scheme == "http" == urlsplit(issuer).scheme and is_loopback_name(parts.netloc)
    return bool(parts.hostname) and (parts.scheme == "https" or is_local)
