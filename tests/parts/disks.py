"""Disks of our own: one whose power can be cut, and one that is soon full."""

import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.parts.eventually import eventually

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
"""What the journal has not written by now is gone, as when the power goes."""


class NoDisk(Exception):
    """No disk can be mounted on this machine; the text says why."""


def order(*words: str | Path) -> None:
    try:
        ran = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NoDisk(f"{words[0]} is not here") from None
    if ran.returncode:
        raise NoDisk(f"{' '.join(map(str, words))}: {ran.stderr.strip() or ran.returncode}")


def unmount(root: Path) -> None:
    """Processes that were killed may take a moment to release it."""
    eventually(
        lambda: subprocess.run(["umount", root], capture_output=True, text=True, check=False),
        lambda ran: ran.returncode == 0,
        seconds=90,
        interval=0.1,
    )


class CuttableDisk:
    """ext4 on a loop device."""

    def __init__(self, folder: Path, *, size: int = 256 << 20) -> None:
        if os.geteuid() != 0:
            raise NoDisk("only root may mount a disk")
        self.image, self.root = folder / "disk.img", folder / "disk"
        self.root.mkdir()
        with self.image.open("wb") as image:
            image.truncate(size)
        order("mkfs.ext4", "-q", "-F", self.image)
        self.mount()

    def mount(self) -> None:
        order("mount", "-o", "loop", self.image, self.root)

    def cut(self) -> None:
        """From now on nothing more gets to the disk, and all that has not is lost."""
        fd = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def again(self) -> None:
        """The power is back; processes that had files open on it must have exited."""
        unmount(self.root)
        self.mount()


@contextmanager
def cuttable(folder: Path) -> Iterator[CuttableDisk]:
    disk = CuttableDisk(folder)
    try:
        yield disk
    finally:
        unmount(disk.root)


@contextmanager
def small(folder: Path, *, size: int) -> Iterator[Path]:
    """A disk in memory that has room for `size` bytes."""
    if os.geteuid() != 0:
        raise NoDisk("only root may mount a disk")
    root = folder / "small"
    root.mkdir()
    order("mount", "-t", "tmpfs", "-o", f"size={size}", "filsluss-small", root)
    try:
        yield root
    finally:
        unmount(root)
