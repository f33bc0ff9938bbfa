"""A program of Python, run to its end: forked from one that has imported everything, if it can be."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

from tests.parts import preloaded


def run_to_its_end(
    words: Sequence[str], environment: Mapping[str, str], seconds: float = 100
) -> subprocess.CompletedProcess[str]:
    """What it printed, and its exit status; raises subprocess.TimeoutExpired after so many seconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = preloaded.start(words, environment, out, err)
        try:
            process.wait(seconds)
        finally:
            process.kill()
        said = [_whole(each) for each in (out, err)]
    return subprocess.CompletedProcess(words, process.returncode, *said)


def _whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
