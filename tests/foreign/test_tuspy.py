"""tuspy, the tus client of Python, as its users have it."""

import os

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from tusclient.storage.filestorage import FileStorage

MiB = 1 << 20


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "räksmörgås.bin"
    path.write_bytes(os.urandom(5 * MiB + 5))
    return path


def uploader(account, file, **options):
    client = TusClient(account.files)
    return client.uploader(str(file), metadata={"filename": file.name}, **options)


@pytest.mark.parametrize("with_checksums", [False, True], ids=["plain", "with checksums"])
def test_a_file_goes_whole_in_chunks(account, file, with_checksums):
    uploader(account, file, chunk_size=MiB, upload_checksum=with_checksums).upload()
    account.delivers(file.read_bytes(), file.name)


def test_an_empty_file_goes_whole(account, tmp_path):
    empty = tmp_path / "tom.txt"
    empty.touch()
    uploader(account, empty).upload()
    account.delivers(b"", "tom.txt")


def test_a_stopped_upload_is_found_again_by_what_the_client_remembers(account, file, tmp_path):
    memory = FileStorage(str(tmp_path / "memory.json"))
    first = uploader(account, file, chunk_size=MiB, store_url=True, url_storage=memory)
    first.upload(stop_at=2 * MiB)
    second = uploader(account, file, chunk_size=MiB, store_url=True, url_storage=memory)
    assert (second.url, second.offset) == (first.url, 2 * MiB)
    second.upload()
    account.delivers(file.read_bytes(), file.name)


def test_it_goes_on_after_the_service_was_restarted(account, file):
    sending = uploader(account, file, chunk_size=MiB, retries=5, retry_delay=1)
    sending.upload(stop_at=2 * MiB)
    account.service.kill()
    account.service.start()
    sending.upload()
    account.delivers(file.read_bytes(), file.name)


def test_what_is_too_large_is_refused_before_it_is_sent(account, tmp_path):
    file = tmp_path / "stor.iso"
    with file.open("wb") as sparse:
        sparse.truncate(2_147_483_649)
    with pytest.raises(TusCommunicationError) as refused:
        uploader(account, file).upload()
    assert refused.value.status_code == 413
    assert account.listed() == []
