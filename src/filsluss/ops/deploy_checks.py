"""The checks of `filsluss check --deploy` that go through the public address, and so through the proxy."""

from datetime import UTC, datetime, timedelta

from django.conf import settings

from filsluss.actions import upload_probe
from filsluss.actions.heartbeat import UNNAMED_PROXY
from filsluss.conf.names import Name
from filsluss.identity.failures import ProviderAway
from filsluss.installation import current_services
from filsluss.models import Heartbeat
from filsluss.ops.findings import CheckFailed
from filsluss.ops.forwarding import NOTE_SECONDS
from filsluss.rules.sign_in import CLOCKS_APART
from filsluss.streams import download_probe
from filsluss.streams.upload_probe import NoWayThrough, Probe, ask

MIN_KEPT = 0.8
"""The share of an interrupted upload that a proxy must have passed on."""


def check_uploads() -> str:
    """Interrupts a slow upload through the public address, and compares what arrived with what was sent."""
    policy = settings.POLICY
    try:
        with upload_probe.open_account(services=current_services(), now=datetime.now(UTC)) as account:
            found = Probe(policy.base_url, account.upload).run()
    except NoWayThrough as fault:
        raise CheckFailed(f"{policy.base_url} {fault}; see docs/proxy.md") from None
    kept = f"{found.kept / 2**20:.1f} of {found.sent / 2**20:.1f} MiB of an interrupted upload were kept"
    if found.kept < MIN_KEPT * found.sent:
        raise CheckFailed(
            f"only {kept}: the proxy buffers bodies; see `proxy_request_buffering` in docs/proxy.md"
        )
    return kept


def check_downloads() -> str:
    """Fetches a file through the public address, whole and in part, and compares it with the one stored."""
    policy = settings.POLICY
    try:
        with upload_probe.open_account(services=current_services(), now=datetime.now(UTC)) as account:
            download_probe.compare(policy.base_url, account.download, account.content)
    except NoWayThrough as fault:
        raise CheckFailed(f"{policy.base_url} {fault}; see docs/proxy.md") from None
    return "a file came through whole, and a range of it"


def check_provider() -> str:
    """Asks the sign-in provider for its metadata, its keys and the time, and shows it a code that is none."""
    provider = current_services().provider
    if provider is None:
        return f"{Name.OIDC_ISSUER} is not set: nobody signs in with a provider"
    issuer = provider.config.issuer
    try:
        provider.look()
        provider.try_client()
        apart = provider.clock_apart(now=datetime.now(UTC))
    except ProviderAway as fault:
        raise CheckFailed(f"{fault}; see docs/sign-in.md") from None
    if apart is not None and abs(apart) > CLOCKS_APART:
        raise CheckFailed(
            f"{issuer}: its clock and this one are {abs(apart).total_seconds():.0f} s apart: set one by NTP"
        )
    return f"{issuer} answers, has keys and knows {provider.config.client_id}"


def check_proxy() -> str:
    """Asks for a page through the public address, and looks whether a proxy spoke that is not named."""
    since = datetime.now(UTC) - timedelta(seconds=NOTE_SECONDS)
    try:
        ask(settings.POLICY.base_url)
    except NoWayThrough as fault:
        raise CheckFailed(f"{settings.POLICY.base_url} {fault}; see docs/proxy.md") from None
    if Heartbeat.objects.filter(name=UNNAMED_PROXY, at__gte=since).exists():
        raise CheckFailed(
            "a proxy that is not named forwards requests, so that everybody counts as one network: "
            f"name it in {Name.TRUSTED_PROXIES}"
        )
    return f"no proxy forwards that is not named in {Name.TRUSTED_PROXIES}"
