"""Uploads without tus: the multipart form, parsed while it is read, and `curl -T`."""

import contextlib
from collections.abc import Iterable
from typing import Any

from django.db import connection
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from filsluss import outages
from filsluss.actions import upload
from filsluss.actions.choices import Choices, choose, read_choices
from filsluss.actions.erasure import take_away
from filsluss.blobs import StoreFull, Writer
from filsluss.models import Transfer, TransferFile
from filsluss.rules.lifecycle import ErasedBecause
from filsluss.rules.paths import UPLOAD
from filsluss.rules.refusals import Refused
from filsluss.streams.allowance import RequestAllowance
from filsluss.streams.body import Body
from filsluss.streams.choices import queried_choices, refuse_queried_choices
from filsluss.streams.content_headers import (
    checksum_of,
    refuse_digest,
    refuse_encoded_part,
    refuse_part_of_file,
)
from filsluss.streams.form_names import name_in
from filsluss.streams.request import Deadline, Request
from filsluss.streams.responses import Refusal, Response
from filsluss.streams.tus import read_digest
from filsluss.streams.uploads import path_of, receive, receive_bytes, save_progress, writing

FIELD_MAX = 1024
NO_LIMIT = 1 << 62


def put(request: Request) -> Response:
    """`curl -T file …/upload/<token>/`: a complete file in one request; an incomplete one is discarded."""
    transfer = request.transfer()
    body = Body(request.environ, is_over=Deadline(transfer, now=request.now).is_over)
    refuse_part_of_file(request, length=body.length)
    checksum = checksum_of(request)
    # Bytes that are not UTF-8 become lone surrogates, which no file name may contain.
    name = request.path_params["name"].encode("latin-1").decode("utf-8", "surrogateescape")
    file = announce(
        request,
        transfer,
        name=name,
        size=body.length,
        choices=queried_choices(request),
        metadata=read_digest(request.header("Repr-Digest")),
    )
    with discarding(request, file), writing(request, file, body) as writer:
        receive_bytes(request, file, body, writer, checksum=checksum)
        if file.size is None:
            writer.sync(keep=writer.offset)
            receive_undeclared(request, file, writer)
    where = (
        ("Location", f"{request.policy.base_url}{path_of(request, file.upload_id)}"),
        ("Content-Length", "0"),
    )
    return Response(201, where)


def announce(
    request: Request, transfer: Transfer, *, name: str, size: int | None, choices: Choices, metadata: str = ""
) -> TransferFile:
    return upload.begin(
        transfer,
        name=name,
        size=size,
        choices=choices,
        metadata=metadata,
        services=request.services,
        now=request.now,
    )


def receive_undeclared(request: Request, file: TransferFile, writer: Writer) -> None:
    """Receives a file without a declared length: its size is the number of bytes that arrived."""
    upload.declare_size(file, size=writer.offset, services=request.services, now=request.now)
    receive(request, file)


@contextlib.contextmanager
def discarding(request: Request, file: TransferFile) -> Any:
    """Discards a file that is refused or incomplete: these uploads cannot be resumed."""
    try:
        yield
    except Refused:
        take_away(file, because=ErasedBecause.WITHDRAWN, as_writer=True, now=request.now)
        raise


def is_by_browser(request: Request) -> bool:
    """Every browser says whose page sent a form."""
    return request.header("Origin") is not None or request.header("Sec-Fetch-Site") is not None


class Form:
    """The multipart form: each file is written to the store as it is read.

    Our page's fields precede its files, which are received one by one. If no `with_code` precedes the first
    file, it may follow: then no file is received, and nobody told of one, before the whole form is read.
    """

    def __init__(self, request: Request, transfer: Transfer, body: Body) -> None:
        self._request = request
        self._transfer = transfer
        self._body = body
        self._fields: dict[str, str] = {}
        self._writer_stack = contextlib.ExitStack()
        self._file: TransferFile | None = None
        self._writer: Writer | None = None
        self._segment: MultipartSegment | None = None
        self._name: str | None = None
        self._waiting: list[tuple[TransferFile, int]] = []
        self._received: list[str] = []
        self._has_code = False

    def read(self, boundary: str) -> None:
        """Receives every file; a Refusal names the file that was refused, and those that were received."""
        try:
            self._read(boundary)
        except Refused as refused:
            if self._name:
                refused.params |= {"file": self._name, "received": self._received}
            raise
        finally:
            self._discard_incomplete()

    def _read(self, boundary: str) -> None:
        try:
            with self._body, PushMultipartParser(boundary, max_segment_count=2000) as parser:
                for piece in self._body.pieces(limit=NO_LIMIT):
                    self._handle(parser.parse(bytes(piece)))
                    if parser.closed:
                        break
                self._refuse_incomplete()
        except MultipartError:
            self._refuse_incomplete()
            raise Refusal("form_invalid") from None
        except StoreFull:
            raise Refusal("disk_full") from None
        if self._name is None:
            raise Refusal("file_missing")
        self._receive_waiting()
        if self._choices().with_code and not self._has_code:  # the last file is gone without it
            raise Refusal("form_invalid")

    def _refuse_incomplete(self) -> None:
        if not self._body.is_whole:
            raise Refusal(self._body.stopped or "body_short")

    def _handle(self, events: Iterable[Any]) -> None:
        for event in events:
            if isinstance(event, MultipartSegment):
                self._begin(event)
            elif event is None:
                self._close()
            elif self._writer:
                self._write(event)
            elif self._segment:
                self._add_to_field(event)

    def _begin(self, segment: MultipartSegment) -> None:
        """A part's headers: of a file, of a field, or of a file field that was left empty."""
        disposition = segment.header("Content-Disposition") or ""
        name = name_in(disposition, by_browser=is_by_browser(self._request))
        self._segment = None
        if name:
            self._name = name
            refuse_encoded_part(segment)
            self._open(name)
        elif name is None:
            self._segment = segment
            self._fields[segment.name or ""] = ""  # of fields with one name the last counts

    def _add_to_field(self, data: bytes) -> None:
        assert self._segment
        name = self._segment.name or ""
        value = self._fields.get(name, "") + bytes(data).decode("utf-8", "replace")
        if len(value) > FIELD_MAX:
            raise Refusal("form_invalid")
        self._fields[name] = value

    def _open(self, name: str) -> None:
        self._file = announce(self._request, self._transfer, name=name, size=None, choices=self._choices())
        self._writer = self._writer_stack.enter_context(writing(self._request, self._file, self._body))
        self._writer.allowance = RequestAllowance(self._request, self._file, self._body, start=0)
        connection.close()

    def _choices(self) -> Choices:
        try:
            return read_choices(self._fields)
        except ValueError:
            raise Refusal("form_invalid") from None

    def _write(self, data: bytes) -> None:
        assert self._writer
        if self._writer.offset + len(data) > self._request.policy.max_file_size:
            raise Refusal("too_large")
        self._writer.write(data)

    def _close(self) -> None:
        if not self._file or not self._writer:
            return
        save_progress(self._request, self._file, self._writer)
        outages.store.over()
        self._waiting.append((self._file, self._writer.offset))
        self._file = self._writer = None
        self._writer_stack.close()
        if "with_code" in self._fields:
            self._receive_waiting()

    def _receive_waiting(self) -> None:
        """Receives the files that are whole, with the choices as they have been read by now."""
        choices, now = self._choices(), self._request.now
        choose(self._transfer, choices=choices, now=now)
        while self._waiting:
            file, size = self._waiting[0]
            upload.choose_code(file, with_code=choices.with_code)
            self._has_code = choices.with_code
            upload.declare_size(file, size=size, services=self._request.services, now=now)
            receive(self._request, file)
            self._received.append(file.name)
            del self._waiting[0]

    def _discard_incomplete(self) -> None:
        """Discards what was not received: the file being read, and those that waited for the form's end."""
        self._writer_stack.close()
        for file in (*([self._file] if self._file else ()), *(file for file, _ in self._waiting)):
            take_away(file, because=ErasedBecause.WITHDRAWN, as_writer=True, now=self._request.now)
        connection.close()


def post(request: Request) -> Response:
    """The upload page's form without JavaScript; 303 to the page when every file is received."""
    transfer = request.transfer()
    kind, options = parse_options_header(request.header("Content-Type") or "")
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise Refusal("form_invalid")
    body = Body(request.environ, is_over=Deadline(transfer, now=request.now).is_over)
    if (body.length or 0) > request.policy.max_transfer_size:
        raise Refusal("too_large")
    refuse_queried_choices(request)
    refuse_digest(request)
    Form(request, transfer, body).read(options["boundary"])
    return Response(303, (("Location", UPLOAD.path(request.path_params["token"])), ("Content-Length", "0")))
