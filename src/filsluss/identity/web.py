"""Requests to the provider: no redirect is followed, and neither time nor size is without a limit."""

import ssl
import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, RSAKey
from requests.adapters import HTTPAdapter

from filsluss.identity.config import ProviderConfig
from filsluss.identity.failures import ProviderAway, TokenRefused

CONNECT_SECONDS, READ_SECONDS, ALL_SECONDS = 3.0, 5.0, 10.0
LARGEST = 512 * 1024
"""Bytes of an answer, unpacked."""
PIECE = 16 * 1024


class BoundedAdapter(HTTPAdapter):
    """Reads each answer whole, within the limits."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        end = time.monotonic() + ALL_SECONDS
        options |= {"timeout": (CONNECT_SECONDS, READ_SECONDS), "stream": True}
        response = super().send(request, *args, **options)
        if response.is_redirect or response.is_permanent_redirect:
            raise ProviderAway(f"{request.url} leads elsewhere, and redirects are not followed")
        pieces, size = [], 0
        for piece in response.iter_content(PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST:
                raise ProviderAway(f"{request.url} answers with more than {LARGEST >> 10} KiB")
            if time.monotonic() > end:
                raise ProviderAway(f"{request.url} takes more than {ALL_SECONDS:.0f} s")
        response._content = b"".join(pieces)
        return response


def bounded(session: requests.Session, config: ProviderConfig) -> Any:
    """The session, with these limits and the certificates of the settings, else of the system."""
    session.mount("https://", BoundedAdapter())
    session.mount("http://", BoundedAdapter())
    session.verify = config.ca or ssl.get_default_verify_paths().cafile or True
    session.headers["User-Agent"] = "Filsluss"
    return session


def read_json(config: ProviderConfig, url: str, *, bearer: str = "") -> dict[str, Any]:
    """The JSON object at an address of the provider's. Raises ProviderAway."""
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    try:
        with bounded(requests.Session(), config) as session:
            answer = session.get(url, headers=headers)
            if answer.status_code != 200:
                raise ProviderAway(f"{url} answers {answer.status_code}")
            found = answer.json()
    except requests.RequestException as fault:
        raise ProviderAway(f"{url}: {fault}") from None
    except (ValueError, RecursionError):  # http.client and the decoders of text raise it, too
        raise ProviderAway(f"{url} answers with no JSON") from None
    if not isinstance(found, dict):
        raise ProviderAway(f"{url} answers with no JSON object")
    return found


def read_date(config: ProviderConfig, url: str) -> datetime | None:
    """The time that the provider's server says it is (RFC 9110, 6.6.1). Raises ProviderAway."""
    try:
        with bounded(requests.Session(), config) as session:
            return parsedate_to_datetime(session.get(url).headers["Date"])
    except requests.RequestException as fault:
        raise ProviderAway(f"{url}: {fault}") from None
    except (KeyError, ValueError):
        return None


def client(config: ProviderConfig, metadata: Mapping[str, Any]) -> Any:
    """Authlib's client of the provider, which proves who it is in a way that the provider takes."""
    if config.private_key:
        key, algorithm = signing_key(config.private_key)
        session = OAuth2Session(config.client_id, key, "private_key_jwt")
        header = {"kid": key.thumbprint()}
        session.register_client_auth_method(
            PrivateKeyJWT(metadata["token_endpoint"], headers=header, alg=algorithm)
        )
    else:
        takes = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in takes else "client_secret_post"
        session = OAuth2Session(config.client_id, config.client_secret, method)
    session.scope, session.redirect_uri = config.scope, config.return_to
    session.code_challenge_method = "S256"
    return bounded(session, config)


def signing_key(pem: str) -> tuple[Any, str]:
    """The key of the client, and the algorithm that it signs with."""
    if isinstance(load_pem_private_key(pem.encode(), password=None), RSAPrivateKey):
        return RSAKey.import_key(pem), "RS256"
    key = ECKey.import_key(pem)
    return key, {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[key.curve_name]


def fetch_tokens(
    config: ProviderConfig, metadata: Mapping[str, Any], *, code: str, verifier: str
) -> dict[str, Any]:
    """What the token endpoint gives for a code. Raises ProviderAway, or TokenRefused ("code")."""
    url = metadata["token_endpoint"]
    try:
        with client(config, metadata) as session:
            return dict(session.fetch_token(url, code=code, code_verifier=verifier))
    except OAuthError as refused:
        if refused.error == "invalid_grant":
            raise TokenRefused("code", str(refused.description)[:200]) from None
        raise ProviderAway(f"{url} refuses this service: {refused.error} {refused.description}") from None
    except requests.RequestException as fault:
        raise ProviderAway(f"{url}: {fault}") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ProviderAway(f"{url} answers with no token") from None
