"""The backup drill: a house in use is backed up, and another, started from that, must hold what was told."""

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.parts import people
from tests.parts.house import House
from tests.parts.people import BO, FORM
from tests.parts.post import Post
from tests.parts.world import Told, settle, verify_world

KEPT = ("filsluss.sqlite3", "secret_key", "blobs")


class Load:
    """One sender who never rests; `told` is what was acknowledged."""

    def __init__(self, house: House, number: int) -> None:
        self.house, self.told, self.content = house, Told(), {}
        self.upload = people.apply(house, FORM).location
        self._number, self._stop = number, threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        turn = 0
        while not self._stop.is_set():
            turn += 1
            content = b"%d:%d " % (self._number, turn) * 20_000
            created = people.announce(self.house, self.upload, len(content), filename=f"{turn}.bin")
            middle = len(content) // 2
            people.append(self.house, created.location, 0, content[:middle])
            self.told.offset(created.location, middle)
            if turn % 4:
                people.append(self.house, created.location, middle, content[middle:])
                self.told.finished(created.location, content)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._stop.set()
        self._thread.join()


def drill(folder: Path, house: House, other: House, seconds: float) -> str:
    """Raises AssertionError if a word was broken; says how much was held."""
    with Load(house, 1) as first, Load(house, 2) as second:
        time.sleep(seconds / 2)
        before = Told()
        for load in (first, second):
            before.offsets |= dict(load.told.offsets)
            before.whole |= dict(load.told.whole)
        said = house.run("backup", str(folder)).stdout
        time.sleep(seconds / 2)
    house.stop()
    restore(folder, other)
    other.run("migrate", "--verbosity", "0")
    mended = other.run("reconcile").stdout
    other.start()
    settle(other, letters=False)
    verify_world(other, before)
    assert other.get(first.upload).status == 200
    return f"{said}{mended}held: {len(before.offsets)} uploads, {len(before.whole)} of them whole"


def restore(folder: Path, other: House) -> None:
    """What docs/operations.md says: three things, put where the new house looks for them."""
    other.data_dir.mkdir(mode=0o700, exist_ok=True)
    for name in KEPT:
        source, target = folder / name, other.data_dir / name
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.exists():
            shutil.copy2(source, target)


def main(seconds: str) -> None:
    post = Post()
    post.open()
    with tempfile.TemporaryDirectory(prefix="filsluss-drill-", dir="/tmp") as place:
        house, other = (House(Path(place) / name, SMTP_URL=post.url) for name in ("here", "there"))
        try:
            house.start()
            print(drill(Path(place) / "backup", house, other, float(seconds)))
        finally:
            for each in (house, other):
                each.leave()
            post.shut()
    print(f"letters to the recipient: {len(post.of('file-ready', to=BO))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
