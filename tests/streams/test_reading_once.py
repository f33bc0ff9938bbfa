"""A row that was read before the blob was held is read again unless it says what is stored."""

import pytest

from filsluss.models import TransferFile
from filsluss.rules.lifecycle import FileState
from filsluss.streams.uploads import is_as_stored

AS_STORED = {
    "state": FileState.UPLOADING.value,
    "size": 100,
    "acknowledged": 40,
    "arrived": 40,
    "boot_id": "this boot",
}


def test_a_row_that_says_what_is_stored_is_not_read_again():
    assert is_as_stored(TransferFile(**AS_STORED), 40, "this boot")


@pytest.mark.parametrize(
    "change",
    [
        {"acknowledged": 30},
        {"arrived": 60},
        {"acknowledged": 41, "arrived": 41},
        {"boot_id": "an earlier one"},
        {"boot_id": ""},
        {"size": None},
        {"state": FileState.RECEIVED.value},
        {"state": FileState.ERASING.value},
    ],
)
def test_any_other_row_is_read_again(change):
    assert not is_as_stored(TransferFile(**AS_STORED | change), 40, "this boot")
