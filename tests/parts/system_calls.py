"""What a program asks of the kernel, as strace tells it: durable steps and answers in their order."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.parts.eventually import eventually

CALLS = "openat,splice,pwrite64,ftruncate,unlink,unlinkat,fsync,fdatasync,sendto,sendmsg,write"
BLOB = r"/blobs/[A-Za-z0-9_-]\.d/[A-Za-z0-9_-]{22}"
LINE = re.compile(r"(?P<pid>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\()(?P<rest>.*)")
STEPS: tuple[tuple[str, str], ...] = (
    ("create blob", rf'openat\(.*{BLOB}", .*O_CREAT.* = \d'),
    ("write blob", rf"(splice\(.*, |pwrite64\()\d+<[^>]*{BLOB}>.* = [1-9]"),
    ("truncate blob", rf"ftruncate\(\d+<[^>]*{BLOB}>.* = 0"),
    ("remove blob", rf'unlink(at)?\(.*{BLOB}".* = 0'),
    ("sync blob", rf"f(data)?sync\(\d+<[^>]*{BLOB}>\) += 0"),
    ("sync folder", r"fsync\(\d+<[^>]*/blobs/[A-Za-z0-9_-]\.d>\) += 0"),
    ("sync failed", r"f(data)?sync\(.* = -1 "),
    ("commit", r"f(data)?sync\(\d+<[^>]*sqlite3-wal>\) += 0"),
)
ANSWER = re.compile(r'(?:sendto|sendmsg|write)\(.*?"HTTP/1\.1 (\d{3})')
"""Counts when the call is made; every step counts when it is done."""


class StraceMissing(Exception):
    """strace is not on this machine."""


def traced(log: Path, *more: str) -> list[str]:
    """`filsluss` under strace, which follows every thread and child; `more` are options of strace."""
    strace = shutil.which("strace")
    if not strace:
        raise StraceMissing("strace is not here (apt-get install strace)")
    options = ["-f", "-y", "-s", "40", "--seccomp-bpf", "-o", str(log), "-e", f"trace={CALLS}", *more]
    return [strace, *options, sys.executable, "-m", "filsluss"]


def steps_of(text: str) -> list[str]:
    """The steps and answers of a log of strace in their order; several of one kind in a row are one."""
    steps: list[str] = []
    for step in _steps_of(text):
        if step not in steps[-1:]:
            steps.append(step)
    return steps


def _steps_of(text: str) -> Iterator[str]:
    begun: dict[str, str] = {}
    for line in text.splitlines():
        if not (found := LINE.match(line)):
            continue
        pid, rest = found["pid"], found["rest"]
        if found["call"]:
            whole = f"{found['call']}({rest}"
            if answer := ANSWER.match(whole):
                yield f"answer {answer[1]}"
            if "<unfinished ...>" in rest:
                begun[pid] = whole.partition("<unfinished ...>")[0].rstrip()  # strace puts a space before
                continue
        else:
            whole = begun.pop(pid, "") + rest
        yield from [name for name, pattern in STEPS if re.match(pattern, whole)][:1]


class Trace:
    """Reads what has been logged since it was last asked."""

    def __init__(self, log: Path) -> None:
        self._log, self._read = log, 0

    def steps(self, *, until: str = "") -> list[str]:
        """Waits for the step `until`, as strace may write after the client has read."""
        text = eventually(
            lambda: self._log.read_bytes()[self._read :].decode(errors="replace"),
            lambda text: not until or until in steps_of(text),
            interval=0.02,
        )
        self._read += len(text.encode())
        return steps_of(text)
