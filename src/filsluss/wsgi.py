"""The front door: whose request this is, whether it may come in, where it goes, and with which headers."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from filsluss.rules.networks import client_of

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = (
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("X-Robots-Tag", "noindex"),
)
UNLESS_SAID = (("Content-Security-Policy", CONTENT_SECURITY), ("Cache-Control", "no-store"))
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
FORWARDING = ("HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO")
LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "[::1]"}
HEALTH = {"/healthz", "/readyz", "/metrics"}


def own_host() -> str:
    return urlsplit(settings.POLICY.base_url).netloc.lower()


def host_of(environ: Environ) -> str:
    return str(environ.get("HTTP_HOST", "")).lower()


def without_port(host: str) -> str:
    return host.rsplit(":", 1)[0] if not host.endswith("]") else host


def is_known_host(environ: Environ) -> bool:
    """Our own name; loopback's names in the demo, and for a machine that asks after our health."""
    host = host_of(environ)
    if settings.DEMO or is_health(environ):
        return without_port(host) in LOOPBACK_HOSTS or host == own_host()
    return host == own_host()


def introduce(environ: Environ) -> None:
    """Says who the client is, as far as the proxies we trust vouch for it."""
    environ["filsluss.client"] = client_of(
        peer=environ.get("REMOTE_ADDR", ""),
        forwarded_for=environ.get("HTTP_X_FORWARDED_FOR"),
        other_forwarding=any(name in environ for name in FORWARDING),
        trusted=settings.POLICY.trusted_proxies,
    )


def with_headers(start_response: StartResponse) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        said = {name.lower() for name, _ in headers}
        quiet = [pair for pair in UNLESS_SAID if pair[0].lower() not in said]
        secure = [HSTS] if settings.POLICY.base_url.startswith("https:") else []
        fresh = [pair for pair in ALWAYS if pair[0].lower() not in said]
        return start_response(status, [*headers, *fresh, *quiet, *secure], exc_info)

    return start


def refuse_slow(start_response: StartResponse) -> Iterable[bytes]:
    start_response("408 Request Timeout", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


def counted(start_response: StartResponse, path: str, count: Callable[[str, str], None]) -> StartResponse:
    def start(status: str, *more: Any) -> Any:
        count(path, status)
        return start_response(status, *more)

    return start


def refuse_host(start_response: StartResponse) -> Iterable[bytes]:
    start_response("421 Misdirected Request", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


def is_health(environ: Environ) -> bool:
    return environ["PATH_INFO"] in HEALTH


def redirect_home(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Every address is built from BASE_URL, so that is where people are taken."""
    there = settings.POLICY.base_url + quote(environ["PATH_INFO"].encode("latin-1"))
    query = environ.get("QUERY_STRING", "")
    start_response(
        "302 Found", [("Location", f"{there}?{query}" if query else there), ("Content-Length", "0")]
    )
    return []


class FrontDoor:
    def __init__(self) -> None:
        self._pages = get_wsgi_application()
        from filsluss.ops import metrics
        from filsluss.streams.body import count_open, read_form
        from filsluss.streams.routes import RenderPage, application  # the models exist only from here on
        from filsluss.streams.sending import registry

        self._streams, self._hand_on, self._take_form = application, RenderPage, read_form
        self._count = metrics.count_request
        metrics.open_now.update({"in": count_open, "out": registry.count})

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = with_headers(counted(start_response, environ["PATH_INFO"], self._count))
        if not is_known_host(environ):
            return refuse_host(answer)
        if environ["REQUEST_METHOD"] == "GET" and host_of(environ) != own_host() and not is_health(environ):
            return redirect_home(environ, answer)
        introduce(environ)
        try:
            streamed = self._streams(environ, answer)
        except self._hand_on as refused:
            point_to_page(environ, refused.page, refused.refusal)
            streamed = None
        if streamed is not None:
            return streamed
        if not self._take_form(environ):
            return refuse_slow(answer)
        return self._pages(environ, answer)


def point_to_page(environ: Environ, page: str, refusal: Any) -> None:
    """The rest of the request is read by nobody: the page is shown as if it had been asked for."""
    environ["filsluss.refusal"] = refusal.code
    environ["filsluss.refusal_status"] = refusal.status
    environ["PATH_INFO"] = page
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        environ["REQUEST_METHOD"] = "GET"
        environ["CONTENT_LENGTH"] = ""
        environ.pop("CONTENT_TYPE", None)


application = FrontDoor()
