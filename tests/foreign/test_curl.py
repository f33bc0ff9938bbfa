"""curl puts a file with one word: `curl -T file https://…/upload/<token>/`."""

import json
import os
import re
import shutil
import subprocess

import pytest

MiB = 1 << 20


@pytest.fixture(autouse=True)
def curl_is_here():
    if not shutil.which("curl"):
        pytest.skip("curl is not here (apt-get install curl)")


def curl(*words, given=None):
    """The status and the body of the response."""
    ran = subprocess.run(
        ["curl", "-s", "-w", "\n%{http_code}", *words],
        input=given,
        capture_output=True,
        timeout=60,
        check=True,
    )
    body, _, status = ran.stdout.decode().rpartition("\n")
    return int(status), body


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "räksmörgås åäö.bin"
    path.write_bytes(os.urandom(2 * MiB + 3))
    return path


def test_a_file_is_put_under_its_own_name(account, file):
    assert curl("-T", str(file), f"{account.url}/") == (201, "")
    account.delivers(file.read_bytes(), file.name)


def test_a_file_is_put_with_a_code_under_another_name(account, file):
    assert curl("-T", str(file), f"{account.url}/smörgås.bin?with_code=1") == (201, "")
    letter = account.delivers(file.read_bytes(), "smörgås.bin")
    assert re.search(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b", letter.text)


def test_what_another_program_makes_is_put_as_it_comes(account):
    data = os.urandom(3 * MiB)
    assert curl("-T", "-", f"{account.url}/dump.sql", given=data) == (201, "")
    account.delivers(data, "dump.sql")


def test_a_form_is_sent_with_curl_too(account, file):
    status, _ = curl("-F", "with_code=0", "-F", f"file=@{file}", account.url)
    assert status == 303
    account.delivers(file.read_bytes(), file.name)


def test_what_is_too_large_is_refused_with_a_code(account, tmp_path):
    file = tmp_path / "stor.iso"
    with file.open("wb") as sparse:
        sparse.truncate(2_147_483_649)
    status, body = curl("-T", str(file), f"{account.url}/")
    assert (status, json.loads(body)["code"]) == (413, "too_large")
    assert account.listed() == []
