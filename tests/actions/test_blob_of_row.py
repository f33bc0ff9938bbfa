"""Of a row that may have been written although its COMMIT failed, the blob stays; of no other."""

import sqlite3
from unittest.mock import Mock

import pytest
from django.db import OperationalError

from filsluss.actions.blob_of_row import discarded_unless_written
from filsluss.actions.room import UploadRefused
from filsluss.blobs import StoreAway


def failed(code):
    fault = OperationalError("could not be written")
    fault.__cause__ = sqlite3.OperationalError("could not be written")
    fault.__cause__.sqlite_errorcode = code
    return fault


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "discarded"),
    [
        (sqlite3.SQLITE_IOERR_FSYNC, 0),
        (sqlite3.SQLITE_IOERR, 0),
        (sqlite3.SQLITE_FULL, 1),
        (sqlite3.SQLITE_BUSY, 1),
    ],
)
def test_what_sqlite_has_written_and_could_not_sync_may_be_there_for_the_next_process(code, discarded):
    services = Mock()
    with pytest.raises(OperationalError), discarded_unless_written("a" * 22, services=services):
        raise failed(code)
    assert services.store.discard.call_count == discarded


@pytest.mark.parametrize(
    "fault", [OSError(5, "an error of the disk"), StoreAway("one line"), OperationalError("gone")]
)
def test_whoever_is_refused_is_told_why_whether_or_not_the_blob_can_be_discarded(fault):
    services = Mock()
    services.store.discard.side_effect = fault
    refused = pytest.raises(UploadRefused, match="quota_exceeded")
    with refused, discarded_unless_written("a" * 22, services=services):
        raise UploadRefused("quota_exceeded")
