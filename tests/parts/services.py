"""The services that an action is handed, of a policy and a store of the test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from filsluss.blobs import Locker, Store, Writer, held_writer, open_locker
from filsluss.installation import Services, current_services
from filsluss.rules.policy import Policy


def services_for(
    policy: Policy | None = None, store: Store | None = None, *, boot_id: str = "boot", scanner: Any = None
) -> Services:
    """Those of this process's installation, with what is given instead."""
    current = current_services()
    locker = locker_of(store) if store else current.locker
    return Services(policy or current.policy, store or current.store, locker, boot_id, scanner)


def locker_of(store: Any) -> Locker:
    """The locker beside a store on disk."""
    return open_locker(store.root.as_uri())


@contextmanager
def writing(name: str, store: Store) -> Iterator[Writer]:
    """The blob's writer, as another request would have it: it holds the lease."""
    with held_writer(name, store=store, locker=locker_of(store)) as (writer, _):
        yield writer
