"""The folder for bytes on their way to a bucket is not there: it is made anew, or the machine says so."""

import tempfile

import pytest

from filsluss.blobs import StoreAway
from tests.blobs.kinds import BucketKind

DATA = bytes(range(256)) * 1024


@pytest.fixture
def kind(bucket_kind: BucketKind) -> BucketKind:
    return bucket_kind


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def test_a_folder_that_somebody_has_removed_is_made_anew(store, blob, folder):
    with store.writer(blob) as writer:
        writer.write(DATA)
    assert store.open(blob).read() == DATA
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_machine_that_can_keep_nothing_says_so_in_one_line_and_is_not_ready(store, blob, folder):
    folder.write_text("not a folder")
    assert not store.answers()
    with pytest.raises(StoreAway, match="on this machine") as away, store.writer(blob) as writer:
        writer.write(DATA)
    assert "\n" not in str(away.value)
    folder.unlink()
    assert store.answers()
