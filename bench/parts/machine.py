"""Prepares the machine's memory for a run, and describes the machine."""

# A guest's freed memory goes back to its host, and the first touch of a page costs 10 to 20 times the second:
# without this the same server measures anything. So the page cache is kept full, and before every run all of
# the memory that is left is touched: touching a part would help only a process that is given that part.

import contextlib
import gc
import mmap
import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

MIB = 1 << 20
PAGE = 4096
MARGIN = 512 * MIB
STRIDE = MIB // 2


def total_memory() -> int:
    """In bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def fill_page_cache(folder: Path) -> None:
    """Reads a file of holes as large as 15 of 24 parts of the memory, once."""
    path = folder / "holes"
    size = total_memory() * 15 // 24
    with path.open("wb") as file:
        file.truncate(size)
    buffer = bytearray(8 * MIB)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def free_memory() -> int:
    """In bytes, without the page cache."""
    (line,) = (line for line in _lines("/proc/meminfo") if line.startswith("MemFree:"))
    return int(line.split()[1]) << 10


def ready(most: int) -> None:
    """What was written is on disk, and all free memory but a margin has just been touched and given back.

    No more than `most` bytes of it.
    """
    gc.collect()
    os.sync()
    amount = min(most, max(MARGIN, free_memory() - MARGIN))
    with mmap.mmap(-1, amount, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory[::PAGE] = b"\x01" * len(range(0, amount, PAGE))


@contextlib.contextmanager
def kept_resident(most: int) -> Iterator[None]:
    """While it is open, free memory stays with this machine: a page's first use costs what its second does.

    A host takes back free memory in pieces of 2 MiB or more. So all that is free, but no more than `most`
    bytes, is touched, and given back but for one page in every half mebibyte, which leaves no such piece.
    """
    gc.collect()
    os.sync()
    amount = min(most, max(MARGIN, free_memory() - MARGIN)) // STRIDE * STRIDE
    with mmap.mmap(-1, amount, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        memory[::PAGE] = b"\x01" * len(range(0, amount, PAGE))
        for start in range(0, amount, STRIDE):
            memory.madvise(mmap.MADV_DONTNEED, start + PAGE, STRIDE - PAGE)
        yield


def describe() -> str:
    """One line for the head of a table."""
    name = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    memory = total_memory() / (1 << 30)
    return (
        f"{os.cpu_count()} cores of {name}, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def version_of(*command: str) -> str:
    """The first line that a program says of itself."""
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return (ran.stdout + ran.stderr).strip().splitlines()[0]
