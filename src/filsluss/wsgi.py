"""The WSGI application: checks the host, finds the client's address, dispatches, and adds headers."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponse

from filsluss.origin import current_origin, origin_of, set_origin
from filsluss.rules.hosts import has_root_dot, is_loopback_name, is_number, is_same_host
from filsluss.rules.networks import FORWARDED_FOR, client_of, has_other_forwarding, is_trusted_proxy
from filsluss.rules.paths import HEALTHZ, METRICS, READYZ, TABLE, Client
from filsluss.rules.shares import CROWDED_KEY

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DEFAULT_HEADERS = (
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("X-Robots-Tag", "noindex"),
    ("Content-Security-Policy", CONTENT_SECURITY),
    ("Cache-Control", "no-store"),
)
"""Added to a response that does not have them."""
DEFAULTS_BY_NAME = tuple((pair[0].lower(), pair) for pair in DEFAULT_HEADERS)
FORM_SHOWN_AGAIN = ("Cache-Control", "private, no-cache")
"""For a page that answers a form: of a page that may not be stored a browser has nothing to go back to, so it
asks whether the form is to be sent again, or shows an error (RFC 9111, 6: history lists)."""
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
PROBES = {HEALTHZ.path(), READYZ.path()}
FOR_PROGRAMS = {prefix.path() for prefix in TABLE if prefix.client is Client.PROGRAMS}


def host_of(environ: Environ) -> str:
    return str(environ.get("HTTP_HOST", ""))


def is_known_host(environ: Environ) -> bool:
    """The host of BASE_URL, in the demo also the names of loopback.

    Health answers whatever the host, since probes ask by number; metrics by a name of loopback or a number,
    but no other name: a page of somebody else's could give its own name this machine's number.
    """
    host = host_of(environ)
    if environ["PATH_INFO"] in PROBES or is_same_host(host, settings.POLICY.base_url):
        return True
    if environ["PATH_INFO"] == METRICS.path():
        return is_loopback_name(host) or is_number(host)
    return settings.DEMO and is_loopback_name(host)


def is_elsewhere(environ: Environ) -> bool:
    """Whether it asks for a page at another name of ours: links and cookies belong to that of BASE_URL."""
    if environ["REQUEST_METHOD"] != "GET" or environ["PATH_INFO"] in FOR_PROGRAMS:
        return False
    host = host_of(environ)
    return has_root_dot(host) or not is_same_host(host, settings.POLICY.base_url)


def identify_client(environ: Environ, see: Callable[..., None]) -> None:
    """Sets `filsluss.client` and the origin, from what trusted proxies say of the client and the request."""
    peer, forwarded_for = environ.get("REMOTE_ADDR", ""), environ.get(FORWARDED_FOR)
    other_forwarding = has_other_forwarding(environ)
    trusted = settings.POLICY.trusted_proxies
    environ["filsluss.client"] = client_of(
        peer=peer, forwarded_for=forwarded_for, other_forwarding=other_forwarding, trusted=trusted
    )
    is_proxied = is_trusted_proxy(peer, trusted=trusted)
    set_origin(
        origin_of(
            environ["filsluss.client"],
            request_id=environ.get("HTTP_X_REQUEST_ID") if is_proxied else None,
        )
    )
    if not settings.DEMO and not is_proxied:
        see(peer, forwards=forwarded_for is not None or other_forwarding)


def is_shown_page(status: str, headers: list[tuple[str, str]]) -> bool:
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    return kind.startswith("text/html") and not status.startswith("3")


def with_headers(start_response: StartResponse, *, answers_form: bool = False) -> StartResponse:
    request_id = ("X-Request-ID", current_origin().request_id)

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if answers_form and is_shown_page(status, headers):
            kept = [pair for pair in headers if pair[0].lower() != "cache-control"]
            headers = [*kept, FORM_SHOWN_AGAIN]
        present = {name.lower() for name, _ in headers}
        defaults = [pair for name, pair in DEFAULTS_BY_NAME if name not in present]
        hsts = [HSTS] if settings.POLICY.base_url.startswith("https:") else []
        return start_response(status, [*headers, request_id, *defaults, *hsts], exc_info)

    return start


def with_count(start_response: StartResponse, path: str, count: Callable[[str, str], None]) -> StartResponse:
    def start(status: str, *more: Any) -> Any:
        count(path, status)
        return start_response(status, *more)

    return start


def request_timeout(start_response: StartResponse) -> Iterable[bytes]:
    start_response("408 Request Timeout", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


def service_unavailable(start_response: StartResponse) -> Iterable[bytes]:
    """For a large body that no byte path takes, while there are many of them."""
    headers = [("Content-Type", "text/plain"), ("Content-Length", "0"), ("Retry-After", "5")]
    start_response("503 Service Unavailable", headers)
    return []


def misdirected_request(start_response: StartResponse) -> Iterable[bytes]:
    start_response("421 Misdirected Request", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


def redirect_to_base_url(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The same path at the host of BASE_URL."""
    location = settings.POLICY.base_url + quote(environ["PATH_INFO"].encode("latin-1"))
    query = environ.get("QUERY_STRING", "")
    start_response(
        "302 Found", [("Location", f"{location}?{query}" if query else location), ("Content-Length", "0")]
    )
    return []


class Application:
    """Byte paths go to filsluss.streams, everything else to Django with its form already read."""

    def __init__(self) -> None:
        self._pages = get_wsgi_application()
        # These import models, which need the line above.
        from filsluss.actions import security_log
        from filsluss.ops import forwarding, metrics
        from filsluss.pages.refusals import refusal_page
        from filsluss.streams.body import count_open, read_form
        from filsluss.streams.routes import RenderPage, application
        from filsluss.streams.sending import registry

        self._streams, self._render_page, self._read_form = application, RenderPage, read_form
        self._refusal_page = refusal_page
        self._count, self._see = metrics.count_request, forwarding.watch.see
        self._note_refusal = security_log.note_refusal
        metrics.transfer_counters.update({"in": count_open, "out": registry.count})

    def _counted(self, path: str, status: str) -> None:
        self._count(path, status)
        self._note_refusal(path, status=status, now=datetime.now(UTC))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        identify_client(environ, self._see)
        counted = with_count(start_response, environ["PATH_INFO"], self._counted)
        start = with_headers(counted, answers_form=environ["REQUEST_METHOD"] == "POST")
        if not is_known_host(environ):
            return misdirected_request(start)
        if is_elsewhere(environ):
            return redirect_to_base_url(environ, start)
        try:
            streamed = self._streams(environ, start)
        except self._render_page as shown:
            page = self._refusal_page(environ, shown.prefix, shown.token, shown.refusal)
            connection.close()  # a client may read it slowly
            start(f"{page.status_code} {page.reason_phrase}", list(page.items()))
            return page
        if streamed is not None:
            return streamed
        if CROWDED_KEY in environ:
            return service_unavailable(start)
        if not self._read_form(environ):
            return request_timeout(start)
        return self._page(environ, start)

    def _page(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A page whose text is ready needs no database connection while a client reads it."""
        response: Any = self._pages(environ, start_response)
        if environ["REQUEST_METHOD"] == "HEAD":  # a server drops the body, and says so in the log each time
            response.close()
            return []
        if isinstance(response, HttpResponse):  # not a file, nor what is made while it is sent
            connection.close()
        return response


application = Application()
