"""What this service knows of its provider: who it is, and as whom it is asked."""

from dataclasses import dataclass, field

from filsluss.rules.identity import ClaimNames


@dataclass(frozen=True)
class ProviderConfig:
    """A client of an OpenID Connect provider: it has either a secret or a private key (PEM).

    `acr` are the levels of assurance that are accepted; none: any. `ca` is a file of certificates; empty: the
    system's.
    """

    issuer: str
    client_id: str
    return_to: str
    client_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    scope: str = "openid email profile"
    claims: ClaimNames = field(default_factory=ClaimNames)
    acr: tuple[str, ...] = ()
    name: str = ""
    ca: str = ""
