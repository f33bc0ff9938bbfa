"""What a server's time goes to, by samples of `perf` (Linux's own profiler): copying, new pages, the rest."""

import contextlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

COPYING = re.compile(r"copy_|memcpy|memmove|rep_movs|clear_user")
PAGES = re.compile(
    r"alloc|folio|rmqueue|clear_page|get_page|lru|xas_|filemap|charge|prep_|zone|free_unref|ext4_|iomap|"
    r"write_begin|write_end|buffer|dirty|page_cache|mem_cgroup|fault|shmem"
)
LINE = re.compile(r"\s+([\d.]+)%\s+\[(.)\]\s+(\S+)")
SETTLE_SECONDS = 0.5

Shares = dict[str, float]


def kind_of(mark: str, symbol: str) -> str:
    """perf marks what is not the kernel's with a dot."""
    if mark == ".":
        return "program"
    return "copying" if COPYING.search(symbol) else "pages" if PAGES.search(symbol) else "rest"


@contextlib.contextmanager
def profiled(pids: tuple[int, ...], folder: Path) -> Iterator[Shares]:
    """The shares of the processes' time, of 1, when it has ended; none where there is no perf."""
    shares: Shares = {}
    perf, data = shutil.which("perf"), folder / "perf.data"
    if perf is None:
        yield shares
        return
    about = ["-q", "-e", "cpu-clock", "-F", "4000", "-o", str(data), "-p", ",".join(map(str, pids))]
    with subprocess.Popen([perf, "record", *about], stderr=subprocess.DEVNULL) as recording:
        time.sleep(SETTLE_SECONDS)
        yield shares
        recording.send_signal(signal.SIGINT)
    report = [perf, "report", "-i", str(data), "--stdio", "-g", "none", "-F", "overhead,symbol"]
    text = subprocess.run(report, capture_output=True, text=True, check=True).stdout
    for share, mark, symbol in LINE.findall(text):
        kind = kind_of(mark, symbol)
        shares[kind] = shares.get(kind, 0.0) + float(share) / 100
