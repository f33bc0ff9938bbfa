"""Uploads without tus: the multipart form, parsed while it is read, and `curl -T`."""

import contextlib
from collections.abc import Iterable
from typing import Any

from django.db import connection
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from filsluss.actions import upload
from filsluss.actions.erasure import take_away
from filsluss.actions.room import UploadRefused
from filsluss.actions.upload import Choices, read_choices
from filsluss.blobs import StoreFull, Writer
from filsluss.models import Transfer, TransferFile
from filsluss.rules.lifecycle import ErasedBecause
from filsluss.streams.allowance import RequestAllowance
from filsluss.streams.body import Body
from filsluss.streams.request import Request, deadline_of, this_boot
from filsluss.streams.responses import Refusal, Response
from filsluss.streams.tus import read_digest
from filsluss.streams.uploads import path_of, receive, receive_bytes, save_progress, writing

FIELD_MAX = 1024
NO_LIMIT = 1 << 62


def put(request: Request) -> Response:
    """`curl -T file …/upload/<token>/`: a complete file in one request; an incomplete one is discarded."""
    transfer = request.transfer()
    body = Body(request.environ, until=deadline_of(transfer, request.now))
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
        receive_bytes(request, file, body, writer)
        if file.size is None:
            writer.sync()
            receive_undeclared(request, file, writer)
    where = (("Location", f"{request.policy.base_url}{path_of(request, file)}"), ("Content-Length", "0"))
    return Response(201, where)


def queried_choices(request: Request) -> Choices:
    try:
        return read_choices({name: request.query(name) for name in ("with_code", "one_letter", "receipts")})
    except ValueError:
        raise Refusal("metadata_invalid") from None


def announce(
    request: Request, transfer: Transfer, *, name: str, size: int | None, choices: Choices, metadata: str = ""
) -> TransferFile:
    return upload.begin(
        transfer,
        name=name,
        size=size,
        choices=choices,
        metadata=metadata,
        boot_id=this_boot(),
        store=request.store,
        policy=request.policy,
        now=request.now,
    )


def receive_undeclared(request: Request, file: TransferFile, writer: Writer) -> None:
    """Receives a file without a declared length: its size is the number of bytes that arrived."""
    upload.declare_size(file, size=writer.offset, store=request.store, policy=request.policy, now=request.now)
    receive(request, file)


@contextlib.contextmanager
def discarding(request: Request, file: TransferFile) -> Any:
    """Discards a file that is refused or incomplete: these uploads cannot be resumed."""
    try:
        yield
    except (Refusal, UploadRefused):
        take_away(file, because=ErasedBecause.WITHDRAWN, as_writer=True, now=request.now)
        raise


class Form:
    """The multipart form: its fields precede its files; each file is written to the store as it is read."""

    def __init__(self, request: Request, transfer: Transfer, body: Body) -> None:
        self._request = request
        self._transfer = transfer
        self._body = body
        self._fields: dict[str, str] = {}
        self._writer_stack = contextlib.ExitStack()
        self._file: TransferFile | None = None
        self._writer: Writer | None = None
        self._segment: MultipartSegment | None = None
        self._has_files = False

    def read(self, boundary: str) -> None:
        """Receives every file; on Refusal or UploadRefused the one being read is discarded."""
        try:
            with self._body, PushMultipartParser(boundary, max_segment_count=2000) as parser:
                for piece in self._body.pieces(limit=NO_LIMIT):
                    self._handle(parser.parse(bytes(piece)))
                    if parser.closed:
                        break
                self._refuse_incomplete()
            if not self._has_files:
                raise Refusal("file_missing")
        except MultipartError:
            self._refuse_incomplete()
            raise Refusal("form_invalid") from None
        except StoreFull:
            raise Refusal("disk_full") from None
        finally:
            self._discard_incomplete()

    def _refuse_incomplete(self) -> None:
        if not self._body.is_whole:
            raise Refusal(self._body.stopped or "body_short")

    def _handle(self, events: Iterable[Any]) -> None:
        for event in events:
            if isinstance(event, MultipartSegment):
                self._segment = event
                if event.filename:
                    self._open(event.filename)
                else:
                    self._fields[event.name] = ""  # of fields with one name the last counts
            elif event is None:
                self._close()
            elif self._writer:
                self._write(event)
            elif self._segment and not self._segment.filename:
                self._add_to_field(event)

    def _add_to_field(self, data: bytes) -> None:
        assert self._segment
        value = self._fields.get(self._segment.name, "") + bytes(data).decode("utf-8", "replace")
        if len(value) > FIELD_MAX:
            raise Refusal("form_invalid")
        self._fields[self._segment.name] = value

    def _open(self, name: str) -> None:
        self._has_files = True
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
        if self._file and self._writer:
            save_progress(self._request, self._file, self._writer)
            receive_undeclared(self._request, self._file, self._writer)
            self._file = self._writer = None
            self._writer_stack.close()

    def _discard_incomplete(self) -> None:
        self._writer_stack.close()
        if self._file:
            take_away(self._file, because=ErasedBecause.WITHDRAWN, as_writer=True, now=self._request.now)
            connection.close()


def post(request: Request) -> Response:
    """The upload page's form without JavaScript; 303 to the page when every file is received."""
    transfer = request.transfer()
    kind, options = parse_options_header(request.header("Content-Type") or "")
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise Refusal("form_invalid")
    body = Body(request.environ, until=deadline_of(transfer, request.now))
    if (body.length or 0) > request.policy.max_transfer_size:
        raise Refusal("too_large")
    try:
        Form(request, transfer, body).read(options["boundary"])
    except UploadRefused as refused:
        raise Refusal(refused.code) from None
    return Response(303, (("Location", f"/upload/{request.path_params['token']}"), ("Content-Length", "0")))
