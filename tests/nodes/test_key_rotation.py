"""The keys of the bucket change while a service runs: old ones are refused, and new ones taken at once."""

import hashlib
import json
import os
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.parts import seaweed as seaweeds
from tests.parts.eventually import eventually
from tests.parts.invariants import check_invariants, wait_until_idle
from tests.parts.people import FORM, announce, append, apply, offset_of
from tests.parts.seaweed import IDENTITIES, Seaweed, SeaweedMissing
from tests.parts.service import Service
from tests.streams.test_connection import await_ready

pytestmark = [pytest.mark.live]
BUCKET, MIB = "rotating", 1 << 20


@dataclass(frozen=True)
class Rotating:
    """A service whose keys are in files, and the store whose keys are in another one."""

    service: Service
    files: dict[str, Path]
    store: Path
    seaweed: Seaweed
    pid: int

    def store_takes(self, *keys: tuple[str, str]) -> None:
        """From now on the store knows these, and no others but those of the tests."""
        credentials = [{"accessKey": access, "secretKey": secret} for access, secret in keys]
        new = {"name": "rotating", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
        self.store.write_text(json.dumps({"identities": [*IDENTITIES["identities"], new]}))
        os.kill(self.pid, signal.SIGHUP)
        client = self.seaweed.client(*keys[-1])
        eventually(lambda: client.list_objects_v2(Bucket=BUCKET), excusing=ClientError)

    def service_gets(self, access_key: str, secret_key: str) -> None:
        """As those who rotate secrets do it: a new file takes the place of the old one."""
        for name, text in (("ACCESS", access_key), ("SECRET", secret_key)):
            new = self.files[name].with_suffix(".new")
            new.write_text(f"{text}\n")
            new.rename(self.files[name])


@pytest.fixture
def rotating(tmp_path, server):
    files = {name: tmp_path / name for name in ("ACCESS", "SECRET")}
    with ExitStack() as until_the_end:
        try:
            process, seaweed = seaweeds.start(tmp_path)
        except SeaweedMissing as missing:
            pytest.skip(str(missing))
        until_the_end.callback(process.wait)
        until_the_end.callback(process.kill)
        seaweed.make_bucket(BUCKET)
        service = Service(
            tmp_path / "data",
            DATABASE_URL=until_the_end.enter_context(server.migrated_database(BUCKET)),
            BLOB_URL=seaweed.url(BUCKET),
            SECRET_KEY="a key that is not in the data folder",
            **{f"S3_{name}_KEY_FILE": str(path) for name, path in files.items()},
        )
        until_the_end.callback(service.tear_down)
        found = Rotating(service, files, tmp_path / "s3.json", seaweed, process.pid)
        found.service_gets("first", "first-secret")
        found.store_takes(("first", "first-secret"))
        service.start()
        yield found


def test_new_keys_are_taken_without_a_restart_and_nothing_is_lost(rotating):
    service, data = rotating.service, os.urandom(3 * MIB)
    account = apply(service, FORM).location
    where = announce(service, account, len(data)).location
    assert append(service, where, 0, data[:MIB]).status == 204

    rotating.store_takes(("first", "first-secret"), ("second", "second-secret"))
    rotating.service_gets("second", "second-secret")
    assert append(service, where, MIB, data[MIB : 2 * MIB]).status == 204
    assert "the keys of the bucket were read anew" in service.log_text()

    rotating.store_takes(("third", "third-secret"))
    sent = append(service, where, 2 * MIB, data[2 * MIB :])
    assert (sent.status, sent.headers["Upload-Offset"]) == (503, str(2 * MIB))

    rotating.service_gets("third", "third-secret")
    assert offset_of(service, where) == 2 * MIB
    assert append(service, where, 2 * MIB, data[2 * MIB :]).status == 204
    assert await_ready(service, account)["sha256"] == hashlib.sha256(data).hexdigest()
    wait_until_idle(service)
    check_invariants(service)


def test_a_file_that_cannot_be_read_leaves_the_keys_as_they_were(rotating):
    service = rotating.service
    path = rotating.files["SECRET"]
    path.write_text("")
    said = "the keys of the bucket stay as they were"
    eventually(lambda: service.get("/readyz").status == 200 and said in service.log_text())
    path.unlink()
    assert service.get("/readyz").status == 200
    assert "first-secret" not in service.log_text()
