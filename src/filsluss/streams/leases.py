"""The lease of an upload for one request, waited for without a database connection."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

from filsluss.blobs import BlobBusy, Lease, Writer, held_writer
from filsluss.models import TransferFile
from filsluss.models.connections import let_go
from filsluss.streams.request import Request


@contextlib.contextmanager
def taken(
    file: TransferFile, request: Request, stop: Callable[[], None] | None
) -> Iterator[tuple[Writer, Lease]]:
    """The blob's writer and its lease; whoever must wait for them holds no database connection meanwhile."""
    services = request.services
    hold = partial(
        held_writer, file.blob, store=services.store, locker=services.locker, on_release_asked=stop
    )
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(hold(patience=0))
        except BlobBusy:
            let_go()
            held = stack.enter_context(hold())
        yield held
