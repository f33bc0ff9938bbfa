"""A provider of the tests' own, a service that knows it, and browsers that sign in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from filsluss.blobs import open_store
from filsluss.identity import open_provider
from filsluss.identity.config import ProviderConfig
from filsluss.rules.identity import ClaimNames
from filsluss.rules.networks import Client as NetworkClient
from filsluss.rules.sign_in import SignIn
from tests.identity.issuer import CLIENT, SECRET, Issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer().start()
    yield made
    made.stop()


Configure = Callable[..., ProviderConfig]


@pytest.fixture
def configure(settings: Any, issuer: Issuer, tmp_path: Any) -> Iterator[Configure]:
    """Gives this process the provider and a policy; `of_policy` are fields of it, the rest the provider's."""

    def configured(*, of_policy: dict[str, Any] | None = None, **own: Any) -> ProviderConfig:
        given = {"sign_in": SignIn.OFFERED, "role_groups": (), "shared_mailboxes": (), **(of_policy or {})}
        settings.POLICY = replace(settings.POLICY, **given)
        needs = bool(given["role_groups"] or given["shared_mailboxes"])
        known = {"claims": ClaimNames(needs_groups=needs), "client_secret": SECRET, **own}
        back = f"{settings.POLICY.base_url}/staff/return"
        settings.IDENTITY_PROVIDER = ProviderConfig(issuer.url, CLIENT, back, **known)
        return settings.IDENTITY_PROVIDER

    settings.BLOB_URL = (tmp_path / "blobs").as_uri()
    open_provider.cache_clear()
    open_store.cache_clear()
    configured()
    yield configured
    open_provider.cache_clear()
    open_store.cache_clear()


def browser_at(address: str, **own: Any) -> Client:
    """A browser whose requests come from that address, as wsgi.py determines it."""
    return Client(**{"filsluss.client": NetworkClient(address, may_be_inside=True)}, **own)


@dataclass
class Visitor:
    """A browser on its way through the sign-in."""

    issuer: Issuer
    client: Client = field(default_factory=lambda: browser_at("192.0.2.7"))

    def begin(self, **query: str) -> HttpResponse:
        return self.client.get("/staff/sign-in", query)

    def come_back(self, query: str, **headers: str) -> HttpResponse:
        return self.client.get(f"/staff/return?{query}", headers=headers)

    def sign_in(self, **query: str) -> HttpResponse:
        """All of it; what the way back answers."""
        begun = self.begin(**query)
        assert begun.status_code == 302, begun.content.decode()[:2000]
        return self.come_back(self.issuer.login(begun["Location"]))

    @property
    def is_signed_in(self) -> bool:
        return self.client.get("/staff").status_code == 200


@pytest.fixture
def visitor(configure: Configure, issuer: Issuer) -> Visitor:
    return Visitor(issuer)


@pytest.fixture
def make_visitor(configure: Configure, issuer: Issuer) -> Callable[[], Visitor]:
    return lambda: Visitor(issuer)
