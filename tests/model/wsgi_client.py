"""A WSGI client: requests to the application of this process, without a socket, under a frozen clock."""

import io
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from wsgiref.util import FileWrapper

from django.conf import settings


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(method: str, path: str, body: bytes = b"", **headers: str) -> Response:
    """`_` in the name of a header is a dash."""
    from filsluss.wsgi import application

    said: dict[str, Any] = {}

    def start_response(status: str, given: list[tuple[str, str]], fault: Any = None) -> None:
        said.update(status=int(status[:3]), headers=dict(given))

    named = {f"HTTP_{name.upper()}": text for name, text in headers.items()}
    if kind := named.pop("HTTP_CONTENT_TYPE", ""):
        named["CONTENT_TYPE"] = kind
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": urlsplit(settings.POLICY.base_url).netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "wsgi.errors": io.StringIO(),
        **named,
    }
    answer = application(environ, start_response)
    whole = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return Response(said["status"], said["headers"], whole)
