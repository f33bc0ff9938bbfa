"""The one check of where a request was sent from, which pages and byte paths ask."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from filsluss.rules.origins import is_from_us


def is_cross_site(environ: Mapping[str, Any]) -> bool:
    """Whether another site's page sent a request that changes something, by its WSGI environ."""
    if environ["REQUEST_METHOD"] in ("GET", "HEAD", "OPTIONS"):
        return False
    return not is_from_us(
        origin=environ.get("HTTP_ORIGIN"),
        fetch_site=environ.get("HTTP_SEC_FETCH_SITE"),
        base_url=settings.POLICY.base_url,
        on_loopback=settings.DEMO,
    )
