"""Any appends at any offsets, by each kind of body: what is stored is what a model says."""

import io
import os
import re
import socket
from types import SimpleNamespace

import gunicorn.http.wsgi
import pytest
from django.conf import settings
from gunicorn.config import Config
from gunicorn.http import get_parser
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from filsluss.blobs import open_store
from filsluss.models import TransferFile
from tests.parts.people import FORM

CONFIG = Config()
CONFIG.set("forwarded_allow_ips", "")


@pytest.fixture(scope="module")
def wsgi_application():
    from filsluss.wsgi import application

    return application


@pytest.fixture
def here(settings, tmp_path):
    """A store of this test's own."""
    settings.BLOB_URL = (tmp_path / "blobs").as_uri()


def serve(application, data, *, fast):
    """What the server does with the bytes of one request: (status, headers), over its own parser."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        request = next(get_parser(CONFIG, ours, ("127.0.0.1", 1)))
        request._expected_100_continue = False
        request.body.message = request
        response, environ = gunicorn.http.wsgi.create(
            request, ours, ("127.0.0.1", 1), ("127.0.0.1", 8000), CONFIG
        )
        assert environ["gunicorn.socket"] is ours
        if not fast:
            del environ["gunicorn.socket"]
        body = application(environ, response.start_response)
        b"".join(body)
        return response.status_code, dict(response.headers)


def request(method, path, body, *, length=None, coded=False, **headers):
    host = re.sub("^https?://", "", settings.POLICY.base_url)
    sent = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Tus-Resumable: 1.0.0"]
    sent += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    sent += ["Transfer-Encoding: chunked"] if coded else [f"Content-Length: {length}"]
    return "\r\n".join(sent).encode() + b"\r\n\r\n" + body


def in_chunks(data, cut, whole):
    """Two chunks of it; without the end of the body if it is not to be whole."""
    pieces = [piece for piece in (data[:cut], data[cut:]) if piece]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + (
        b"0\r\n\r\n" if whole else b""
    )


class Model:
    """An upload as the specification has it."""

    def __init__(self, size):
        self.size, self.stored = size, b""

    def append(self, offset, data, sent, whole):
        """The status of an append of `data` at `offset` of which `sent` bytes come."""
        if offset != len(self.stored):
            return 409
        if self.size == len(self.stored):
            return 204 if not data else 413
        if len(data) > self.size - len(self.stored):
            return 413
        self.stored += data[:sent]
        return 204 if whole else 503


steps = st.lists(
    st.tuples(
        st.integers(-2, 2),  # how far the offset lies from the right one; mostly not at all
        st.integers(0, 70_000),  # bytes that are promised
        st.one_of(st.just(None), st.integers(0, 70_000)),  # bytes that come before the connection breaks
    ),
    max_size=6,
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["fast", "plain", "chunked", "plain chunked"])
@hypothesis_settings(
    max_examples=hypothesis_settings.default.max_examples * 2 // 5,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(size=st.one_of(st.integers(0, 300), st.integers(0, 150_000)), steps=steps, seed=st.binary(max_size=4))
def test_what_is_stored_is_what_the_model_says(wsgi_application, here, way, size, steps, seed):
    application, coding, fast = wsgi_application, way.endswith("chunked"), not way.startswith("plain")
    account = _account(application)
    data = (seed + os.urandom(8)) * (300_000 // (len(seed) + 8))
    status, headers = serve(
        application,
        request("POST", f"{account}/files", b"", length=0, Upload_Length=size),
        fast=fast,
    )
    assert status == 201
    where = re.sub("^https?://[^/]+", "", headers["Location"])
    model = Model(size)
    for off, promised, broken in steps:
        if coding and not fast:
            broken = None  # `wsgi.input` forgets what it had buffered when the connection breaks
        offset = max(0, len(model.stored) + off)
        body = data[offset : offset + promised]
        sent = len(body) if broken is None else min(broken, len(body))
        whole = broken is None if coding else sent == len(body)
        coded = in_chunks(body[:sent], sent // 3, whole) if coding else body[:sent]
        raw = request(
            "PATCH",
            where,
            coded,
            length=len(body),
            coded=coding,
            Upload_Offset=offset,
            Content_Type="application/offset+octet-stream",
        )
        status, headers = serve(application, raw, fast=fast)
        if coding:
            _follow_chunks(model, offset, body[:sent], whole, status)
        else:
            assert status == model.append(offset, body, sent, sent == len(body))
        status, headers = serve(application, request("HEAD", where, b"", length=0), fast=fast)
        assert (status, headers["Upload-Offset"]) == (200, str(len(model.stored)))
        assert _stored(where) == model.stored
    file = TransferFile.objects.get(upload_id=where.rpartition("/")[2])
    assert (file.state == "received") == (len(model.stored) == size)


def _follow_chunks(model, offset, came, whole, status):
    """Chunks promise no length: too much is known only when it has come."""
    room = model.size - len(model.stored)
    if offset != len(model.stored):
        assert status == 409
    elif room == 0:
        assert status == 413  # whatever is in them: nothing more may come
    elif len(came) > room:
        assert status == 413
    else:
        assert status == (204 if whole else 503)
        model.stored += came


def _account(application):
    raw = "&".join(
        f"{name}={text.replace(' ', '+').replace('@', '%40')}" for name, text in FORM.items()
    ).encode()
    status, headers = serve(
        application,
        request("POST", "/", raw, length=len(raw), Content_Type="application/x-www-form-urlencoded"),
        fast=True,
    )
    assert status == 303
    return headers["Location"]


def _stored(where):
    with open_store(settings.BLOB_URL).open(where.rpartition("/")[2]) as blob:
        return blob.read()


def test_the_fast_path_is_taken_on_the_server_we_pin_and_on_no_other():
    from filsluss.streams.connection import Connection

    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        parsed = next(get_parser(CONFIG, ours, ("127.0.0.1", 1)))
        environ = {"gunicorn.socket": ours, "wsgi.input": parsed.body}
        reader = Connection(environ).splicer()
        assert reader is not None
        assert (reader.read_ahead(), reader.left) == (b"hello", 0)
        other = SimpleNamespace(reader=SimpleNamespace(length=5))
        for body, sock in ((parsed.body, None), (io.BytesIO(b"x"), ours), (other, ours)):
            assert Connection({"gunicorn.socket": sock, "wsgi.input": body}).splicer() is None
