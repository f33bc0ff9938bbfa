"""curl, wget and aria2c go on with a download that was cut, and end with the same bytes."""

import hashlib
import os
import shutil
import subprocess

import pytest

from tests.parts.eventually import eventually

MiB = 1 << 20
SIZE = 12 * MiB + 7


def cut(words, target):
    """Starts a program on a slow download and kills it when a mebibyte has come."""
    program = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    size = eventually(
        lambda: target.stat().st_size if target.exists() else 0,
        lambda size: size >= MiB or program.poll() is not None,
        seconds=90,
        interval=0.02,
    )
    assert (size >= MiB, program.poll()) == (True, None), "it ended before it could be cut"
    program.kill()
    program.wait()
    return target.stat().st_size


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)


def wanted(name):
    if not shutil.which(name):
        pytest.skip(f"{name} is not here (apt-get install {name})")


@pytest.fixture
def data():
    return os.urandom(SIZE)


def is_same(target, data):
    return hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(data).digest()


def test_curl_goes_on_where_it_was_cut(shared_service, ready, data, tmp_path):
    wanted("curl")
    address, target = shared_service.url + ready(data), tmp_path / "fil.bin"
    there = cut(["curl", "-s", "--limit-rate", "3M", "-o", str(target), address], target)
    assert MiB <= there < SIZE
    went = run("curl", "-s", "-C", "-", "-o", str(target), "-w", "%{http_code} %{size_download}", address)
    assert went.stdout == f"206 {SIZE - there}"
    assert is_same(target, data)


def test_wget_goes_on_where_it_was_cut(shared_service, ready, data, tmp_path):
    wanted("wget")
    address, target = shared_service.url + ready(data), tmp_path / "fil.bin"
    there = cut(["wget", "-q", "--limit-rate=3m", "-O", str(target), address], target)
    assert MiB <= there < SIZE
    went = run("wget", "--continue", "--server-response", "-O", str(target), address)
    assert "206 Partial Content" in went.stderr
    assert f"Content-Range: bytes {there}-{SIZE - 1}/{SIZE}" in went.stderr
    assert is_same(target, data)
    whole = run("wget", "--continue", "--server-response", "-O", str(target), address)
    assert "416" in whole.stderr
    assert is_same(target, data)


def test_aria2c_fetches_in_pieces(shared_service, ready, data, tmp_path):
    wanted("aria2c")
    address = shared_service.url + ready(data)
    run("aria2c", "-q", "-x", "4", "-k", "1M", "-d", str(tmp_path), "-o", "fil.bin", address)
    assert is_same(tmp_path / "fil.bin", data)


def test_curl_saves_a_file_under_its_name_and_nowhere_else(shared_service, ready, tmp_path):
    wanted("curl")
    address = shared_service.url + ready(b"hej", "../../ritning.pdf")
    run("curl", "-s", "-O", "-J", "--output-dir", str(tmp_path), address)
    assert [path.name for path in tmp_path.iterdir()] == [".._.._ritning.pdf"]


def test_an_empty_file_is_fetched_as_one(shared_service, ready, tmp_path):
    wanted("curl")
    address, target = ready(b"", "tom.txt"), tmp_path / "tom.txt"
    went = run("curl", "-s", "-o", str(target), "-w", "%{http_code}", shared_service.url + address)
    assert (went.stdout, target.stat().st_size) == ("200", 0)
    for asked in ("bytes=0-", "bytes=0-99", "bytes=-1", "bytes=5-"):
        answer = shared_service.get(address, Range=asked)
        assert (answer.status, answer.body) == (200, b"")
        assert (answer.headers["Content-Length"], answer.headers["Content-Range"]) == ("0", None)
