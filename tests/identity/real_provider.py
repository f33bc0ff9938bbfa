"""The provider `oidc-provider`, started by the tests, and somebody who goes through its pages."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from tests.parts.mail_server import free_port

FOLDER = Path(__file__).parent
CLIENT, SECRET = "filsluss", "a secret of the tests"
ACCOUNTS = {
    "anna": {"email": "anna.berg@ltdalarna.se", "email_verified": True, "name": "Anna Berg", "groups": []},
    "eva": {"email": "eva.ek@ltdalarna.se", "name": "Eva Ek", "groups": ["fts-admin"]},
    "bo": {"email": "bo@rontgen.example", "name": "Bo", "groups": ["fts-admin"]},
}


@dataclass
class RealProvider:
    port: int
    process: subprocess.Popen[str]

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """Of a service that knows it, without their FILSLUSS_."""
        return {
            "OIDC_ISSUER": self.issuer,
            "OIDC_CLIENT_ID": CLIENT,
            "OIDC_CLIENT_SECRET": SECRET,
            "OIDC_SCOPE": "openid email profile groups",
            "ROLE_GROUPS": "fts-admin=administrator",
        }


@contextmanager
def real_provider(service_url: str) -> Iterator[RealProvider]:
    """Until the end of the block; skips the test where Node or the package is not here."""
    if not (shutil.which("node") and (FOLDER / "node_modules" / "oidc-provider").exists()):
        pytest.skip("oidc-provider is not here (cd tests/identity && npm ci)")
    port = free_port()
    client = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": [f"{service_url}/staff/return"],
        "backchannel_logout_uri": f"{service_url}/staff/back-channel-logout",
    }
    asked = json.dumps({"port": port, "client": client, "accounts": ACCOUNTS})
    words = ["node", str(FOLDER / "provider.mjs"), asked]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        assert any("listening" in line for line in process.stdout), "the provider does not start"
        yield RealProvider(port, process)
    finally:
        process.kill()
        process.wait(10)


class Walker:
    """A browser without a window: it follows redirects and sends the provider's forms."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.headers["Accept-Language"] = "sv"

    def sign_in(self, address: str, account: str) -> requests.Response:
        """From a page of ours through the provider's, until one of ours is there again."""
        answer = self.session.get(address, timeout=20)
        for _ in range(4):
            form = re.search(r'<form[^>]*action="([^"]*/interaction/[^"]+)"', answer.text)
            if form is None:
                return answer
            fields = dict(
                re.findall(r'<input[^>]*type="hidden"[^>]*name="(\w+)"[^>]*value="(\w+)"', answer.text)
            )
            typed = {"login": account, "password": "any"} if 'name="login"' in answer.text else {}
            where = urljoin(answer.url, html.unescape(form[1]))
            answer = self.session.post(where, data={**fields, **typed}, timeout=20)
        raise AssertionError(f"the provider's pages do not end: {answer.text[:1000]}")

    def token(self, page: requests.Response) -> str:
        (found,) = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text))
        return found

    def post(self, page: requests.Response, address: str, **form: str) -> requests.Response:
        """A form of that page."""
        where = urljoin(page.url, address)
        origin = {"Origin": "/".join(page.url.split("/")[:3])}
        return self.session.post(
            where, data={**form, "csrfmiddlewaretoken": self.token(page)}, headers=origin, timeout=20
        )
