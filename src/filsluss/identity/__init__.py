"""The OpenID Connect provider that staff sign in with: asked for claims, which are verified here."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from filsluss.identity.config import ProviderConfig

if TYPE_CHECKING:
    from filsluss.identity.provider import Provider


@lru_cache(maxsize=4)
def open_provider(config: ProviderConfig) -> Provider:
    """The provider, one for each configuration in this process, since it remembers keys and addresses."""
    # Imported when needed: the libraries take megabytes, and without a provider nothing uses them.
    from filsluss.identity.provider import Provider

    return Provider(config)
