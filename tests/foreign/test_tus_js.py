"""tus-js-client, in Node and in a browser, as its users have it."""

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.parts.browser import person
from tests.parts.eventually import eventually

pytestmark = pytest.mark.usefixtures("tus_js_client")

MiB = 1 << 20
SCRIPT = Path(__file__).parent / "upload.mjs"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "räksmörgås.bin"
    path.write_bytes(os.urandom(9 * MiB + 5))
    return path


def node(file, *, check=True, stop_at=None, terminate=False, **options):
    wish = {"path": str(file), "stopAt": stop_at, "terminate": terminate, "options": options}
    ran = subprocess.run(
        ["node", str(SCRIPT), json.dumps(wish)], capture_output=True, text=True, timeout=90, check=False
    )
    assert ran.stderr == ""
    return json.loads(ran.stdout)


def named(file):
    return {"filename": file.name, "filetype": "application/octet-stream"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunkSize": 2 * MiB},
        {"chunkSize": 2 * MiB, "uploadDataDuringCreation": True},
        {"chunkSize": 2 * MiB, "uploadLengthDeferred": True},
        {"chunkSize": 2 * MiB, "overridePatchMethod": True},
    ],
    ids=["at once", "in chunks", "with its creation", "of unknown length", "without PATCH"],
)
def test_a_file_goes_whole(account, file, options):
    result = node(file, endpoint=account.files, metadata=named(file), **options)
    assert result["outcome"] == "done"
    account.delivers(file.read_bytes(), file.name)


def test_an_aborted_upload_is_resumed_from_its_address(account, file):
    stopped = node(file, stop_at=3 * MiB, endpoint=account.files, metadata=named(file), chunkSize=2 * MiB)
    assert stopped["outcome"] == "stopped"
    (there,) = account.listed()
    assert 2 * MiB <= there["offset"] < file.stat().st_size
    assert node(file, uploadUrl=stopped["url"])["outcome"] == "done"
    account.delivers(file.read_bytes(), file.name)


def test_an_aborted_upload_may_be_taken_away(account, file):
    stopped = node(
        file, stop_at=MiB, terminate=True, endpoint=account.files, metadata=named(file), chunkSize=MiB
    )
    assert stopped["outcome"] == "stopped"
    assert account.service.request("HEAD", stopped["url"]).status == 410


def test_what_is_too_large_is_refused_before_it_is_sent(account, tmp_path):
    file = tmp_path / "stor.iso"
    with file.open("wb") as sparse:
        sparse.truncate(2_147_483_649)
    result = node(file, endpoint=account.files, metadata=named(file))
    assert (result["outcome"], result["status"]) == ("failed", 413)
    assert account.listed() == []


def test_it_goes_on_after_the_service_was_restarted(account, file):
    result = []
    options = {"endpoint": account.files, "metadata": named(file), "chunkSize": 32 * 1024}
    sending = threading.Thread(target=lambda: result.append(node(file, **options)))
    sending.start()
    eventually(lambda: sum(each["offset"] for each in account.listed()), seconds=60, interval=0.02)
    account.service.kill()
    account.service.start()
    sending.join(90)
    assert result[0]["outcome"] == "done"
    account.delivers(file.read_bytes(), file.name)


def test_in_a_browser_a_file_goes_whole(account, browser, tus_js_client):
    with person(browser, bypass_csp=True) as page:
        page.goto(f"{account.service.url}/terms")
        page.add_script_tag(path=str(tus_js_client / "dist" / "tus.min.js"))
        page.evaluate(
            """endpoint => new Promise((resolve, reject) => {
                const file = new File([new Uint8Array(3 << 20).fill(7)], "bläddrare.bin");
                const metadata = { filename: file.name };
                const done = { onSuccess: resolve, onError: reject };
                new tus.Upload(file, { endpoint, metadata, chunkSize: 1 << 20, ...done }).start();
            })""",
            account.files,
        )
    account.delivers(b"\7" * (3 << 20), "bläddrare.bin")
