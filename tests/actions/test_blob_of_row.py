"""Of a row that may have been written although its COMMIT failed, the blob stays."""

import sqlite3
from unittest.mock import Mock

import pytest
from django.db import OperationalError

from filsluss.actions import blob_of_row
from filsluss.actions.blob_of_row import erased_unless_written


def failed(code):
    fault = OperationalError("could not be written")
    fault.__cause__ = sqlite3.OperationalError("could not be written")
    fault.__cause__.sqlite_errorcode = code
    return fault


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "erased"),
    [
        (sqlite3.SQLITE_IOERR_FSYNC, 0),
        (sqlite3.SQLITE_IOERR, 0),
        (sqlite3.SQLITE_FULL, 1),
        (sqlite3.SQLITE_BUSY, 1),
    ],
)
def test_what_sqlite_has_written_and_could_not_sync_may_be_there_for_the_next_process(
    monkeypatch, code, erased
):
    erase = Mock()
    monkeypatch.setattr(blob_of_row, "erase_held", erase)
    with pytest.raises(OperationalError), erased_unless_written("a" * 22, services=Mock()):
        raise failed(code)
    assert erase.call_count == erased
