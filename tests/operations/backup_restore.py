"""Backup and restore: a service under load is backed up; one started from that has all it acknowledged."""

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.parts import people
from tests.parts.invariants import Acknowledged, check_invariants, wait_until_idle
from tests.parts.mail_server import MailServer
from tests.parts.people import BO, FORM
from tests.parts.service import Service

KEPT = ("filsluss.sqlite3", "blobs")


class Load:
    """One client that uploads without a pause; `acknowledged` is what it was told."""

    def __init__(self, service: Service, number: int) -> None:
        self.service, self.acknowledged, self.content = service, Acknowledged(), {}
        self.upload = people.apply(service, FORM).location
        self._number, self._stop = number, threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            content = b"%d:%d " % (self._number, number) * 20_000
            created = people.announce(self.service, self.upload, len(content), filename=f"{number}.bin")
            middle = len(content) // 2
            people.append(self.service, created.location, 0, content[:middle])
            self.acknowledged.offset(created.location, middle)
            if number % 4:
                people.append(self.service, created.location, middle, content[middle:])
                self.acknowledged.finished(created.location, content)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._stop.set()
        self._thread.join()


def back_up_and_restore(folder: Path, service: Service, other: Service, seconds: float) -> str:
    """Raises AssertionError if anything acknowledged is missing; returns a summary."""
    with Load(service, 1) as first, Load(service, 2) as second:
        time.sleep(seconds / 2)
        before = Acknowledged()
        for load in (first, second):
            before.offsets |= dict(load.acknowledged.offsets)
            before.whole |= dict(load.acknowledged.whole)
        key = folder.with_name(f"{folder.name}.key")
        said = service.run("backup", str(folder), "--with-key", str(key)).stdout
        time.sleep(seconds / 2)
    service.stop()
    restore(folder, key, other)
    other.run("migrate", "--verbosity", "0")
    repaired = other.run("reconcile").stdout
    other.start()
    wait_until_idle(other, letters=False)
    check_invariants(other, before)
    assert other.get(first.upload).status == 200
    return f"{said}{repaired}held: {len(before.offsets)} uploads, {len(before.whole)} of them whole"


def restore(folder: Path, key: Path, other: Service) -> None:
    """What docs/operations.md says: the key from where it is kept, then what the backup holds."""
    other.data_dir.mkdir(mode=0o700, exist_ok=True)
    shutil.copy2(key, other.data_dir / "secret_key")
    for name in KEPT:
        source, target = folder / name, other.data_dir / name
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.exists():
            shutil.copy2(source, target)


def main(seconds: str) -> None:
    mail_server = MailServer()
    mail_server.start()
    with tempfile.TemporaryDirectory(prefix="filsluss-backup-", dir="/tmp") as place:
        service, other = (Service(Path(place) / name, SMTP_URL=mail_server.url) for name in ("here", "there"))
        try:
            service.start()
            print(back_up_and_restore(Path(place) / "backup", service, other, float(seconds)))
        finally:
            for each in (service, other):
                each.tear_down()
            mail_server.stop()
    print(f"letters to the recipient: {len(mail_server.of('file-ready', to=BO))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
