"""Uploads by programs that people use: curl, requests and aiohttp, as they are."""

import asyncio
import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.streams.test_connection import listed

DATA = b"x" * 1000


def curl(*words):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    ran = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", *words], capture_output=True, check=False)
    body, _, status = ran.stdout.decode().rpartition("\n")
    return int(status), body


def files(service, account):
    return [(file["name"], file["size"], file["with_code"]) for file in listed(service, account)]


def live(service, account):
    return [file["name"] for file in listed(service, account) if file["state"] not in ("erasing", "erased")]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "råk 1.bin"
    path.write_bytes(DATA)
    return path


def test_curl_that_goes_on_does_not_make_a_tail_a_whole_file(shared_service, account, file):
    status, body = curl("-C", "500", "-T", str(file), f"{shared_service.url}{account}/")
    assert (status, json.loads(body)["code"], live(shared_service, account)) == (400, "content_range", [])


def test_curl_that_sends_a_compressed_body_is_told_so(shared_service, account, file):
    status, body = curl(
        "-T", str(file), "-H", "Content-Encoding: gzip", f"{shared_service.url}{account}/a.bin"
    )
    assert (status, json.loads(body)["code"], live(shared_service, account)) == (415, "content_encoding", [])


def test_curl_that_encodes_a_part_is_told_so(shared_service, account, file):
    status, _ = curl("-F", f"file=@{file};encoder=base64", shared_service.url + account)
    assert (status, live(shared_service, account)) == (415, [])


def test_curl_may_ask_for_a_code_after_the_file(shared_service, account, file):
    status, _ = curl("-F", f"file=@{file}", "-F", "with_code=1", shared_service.url + account)
    assert (status, files(shared_service, account)) == (303, [("råk 1.bin", 1000, True)])


def test_requests_sends_a_name_with_other_letters(shared_service, account, file):
    requests = pytest.importorskip("requests")
    with file.open("rb") as stream:
        answer = requests.post(
            shared_service.url + account,
            files={"file": stream},
            data={"with_code": "1"},
            allow_redirects=False,
        )
    assert (answer.status_code, files(shared_service, account)) == (303, [("råk 1.bin", 1000, True)])


def test_aiohttp_sends_a_name_with_other_letters(shared_service, account, file):
    aiohttp = pytest.importorskip("aiohttp")

    async def send():
        form = aiohttp.FormData()
        form.add_field("file", DATA, filename="råk 1.bin")
        async with (
            aiohttp.ClientSession() as session,
            session.post(shared_service.url + account, data=form, allow_redirects=False) as answer,
        ):
            return answer.status

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already, a browser's
        status = thread.submit(lambda: asyncio.run(send())).result()
    assert (status, files(shared_service, account)) == (303, [("råk 1.bin", 1000, False)])
