"""A provider of the tests' own: it signs whatever it is told to, and counts requests."""

import base64
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

CLIENT, SECRET = "filsluss", "a secret of many signs"
ANNA = {"sub": "anna-1", "email": "anna.berg@ltdalarna.se", "name": "Anna Berg", "groups": []}
KEYS = [RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"}) for name in ("one", "two")]
Answer = tuple[int, dict[str, str], bytes]


def json_answer(found: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(found).encode()


def compact(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token as it is written down, with any header and any signature."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@dataclass
class Issuer:
    """`claims` are those of whoever signs in; `edit` changes them last, `sign` signs them otherwise."""

    claims: dict[str, Any] = field(default_factory=lambda: dict(ANNA))
    key: RSAKey = field(default_factory=lambda: KEYS[0])
    published: list[RSAKey] = field(default_factory=lambda: [KEYS[0]])
    metadata_edit: Callable[[dict[str, Any]], Any] = lambda found: found
    edit: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    sign: Callable[[dict[str, Any]], str] | None = None
    userinfo: dict[str, Any] | None = None
    instead: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    flows: dict[str, dict[str, str]] = field(default_factory=dict)
    token_requests: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)
    clock: float = 0.0

    def start(self) -> "Issuer":
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer("")

            def do_POST(self) -> None:
                self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            def answer(self, body: str) -> None:
                path = urlsplit(self.path).path
                issuer.asked[path] += 1
                made = issuer.instead.get(path)
                status, headers, text = made() if made else issuer.route(path, body, dict(self.headers))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def route(self, path: str, body: str, headers: dict[str, str]) -> Answer:
        if path == "/.well-known/openid-configuration":
            return json_answer(self.metadata_edit(self.metadata()))
        if path == "/keys":
            return json_answer({"keys": [key.as_dict(private=False) for key in self.published]})
        if path == "/userinfo" and self.userinfo is not None:
            return json_answer(self.userinfo)
        if path == "/token":
            return self.token({name: text[0] for name, text in parse_qs(body).items()}, headers)
        return 404, {}, b""

    def metadata(self) -> dict[str, Any]:
        ends = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "keys"}
        ends |= {"userinfo_endpoint": "userinfo", "end_session_endpoint": "end"}
        return {
            "issuer": self.url,
            **{name: f"{self.url}/{end}" for name, end in ends.items()},
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def login(self, address: str, code: str = "code") -> str:
        """As if somebody signed in at that address: the query of the way back."""
        asked = {name: text[0] for name, text in parse_qs(urlsplit(address).query).items()}
        self.flows[code] = asked
        return f"code={code}&state={asked['state']}"

    def token(self, form: dict[str, str], headers: dict[str, str]) -> Answer:
        self.token_requests.append((form, headers))
        flow = self.flows.pop(form.get("code", ""), None)
        if flow is None:
            return json_answer({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if flow["code_challenge"] != base64.urlsafe_b64encode(digest).rstrip(b"=").decode():
            return json_answer({"error": "invalid_grant"}, 400)
        claims = self.edit(self.id_claims(flow["nonce"]))
        token = self.sign(claims) if self.sign else self.signed(claims)
        return json_answer({"access_token": "at", "token_type": "Bearer", "id_token": token})

    def id_claims(self, nonce: str) -> dict[str, Any]:
        now = int(time.time() + self.clock)
        own = {"iss": self.url, "aud": CLIENT, "nonce": nonce, "iat": now, "exp": now + 300}
        return {**own, "auth_time": now, **self.claims}

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        whole = {"alg": "RS256", "kid": self.key.kid, **header}
        registry = JWSRegistry(algorithms=["RS256"], strict_check_header=False)
        return jwt.encode(whole, claims, self.key, registry=registry)

    def logout_token(self, **own: Any) -> str:
        now = int(time.time())
        events = {"http://schemas.openid.net/event/backchannel-logout": {}}
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "j1", "events": events}
        left = {**claims, "sub": self.claims["sub"], **own}
        return self.signed({name: value for name, value in left.items() if value is not None})
