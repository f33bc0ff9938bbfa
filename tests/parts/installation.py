"""The environment of an installation for tests: Landstinget Dalarna, in a folder that is gone afterwards."""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

DEFAULTS = {
    "FILSLUSS_CONFIG": "",
    "FILSLUSS_BASE_URL": "http://localhost:8000",
    "FILSLUSS_ORGANISATION": "Landstinget Dalarna",
    "FILSLUSS_INSIDE_DOMAINS": "ltdalarna.se",
    "FILSLUSS_INSIDE_NETWORKS": "127.0.0.0/8,::1/128",
    "FILSLUSS_SMTP_URL": "smtp://127.0.0.1:1",
    "FILSLUSS_MAIL_FROM": "filsluss@ltdalarna.se",
    "FILSLUSS_FREE_SPACE": "0%",
}


def folder(prefix: str) -> Path:
    """A folder directly under /tmp, since the paths of sockets must be short, gone when Python ends."""
    path = Path(tempfile.mkdtemp(prefix=f"filsluss-{prefix}-", dir="/tmp"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def number_of_run() -> int:
    """The process that the whole run of tests belongs to: this one, or the one whose worker this is."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def folder_of_run() -> Path:
    """What all workers of a run share."""
    return Path(f"/tmp/filsluss-run-{number_of_run()}")


def remove_ended_runs() -> None:
    """What runs have left behind that were killed, also one that had the number of this process."""
    for path in Path("/tmp").glob("filsluss-run-*"):
        number = path.name.rpartition("-")[2]
        if number == str(os.getpid()) or not Path("/proc", number).exists():
            shutil.rmtree(path, ignore_errors=True)


def once_a_run(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of that name, filled by whichever worker of the run wants it first; the others wait for it.

    A run without workers removes it at its end, one with workers in `tests/conftest.py`.
    """
    shared = folder_of_run()
    shared.mkdir(exist_ok=True)
    if number_of_run() == os.getpid():
        atexit.register(shutil.rmtree, shared, ignore_errors=True)
    made = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            new = shared / f"{name}.new"
            shutil.rmtree(new, ignore_errors=True)  # of a worker that was killed meanwhile
            new.mkdir()
            make(new)
            new.rename(made)
    return made


def bare_environment() -> dict[str, str]:
    """What a process may inherit: nothing that configures some other installation."""
    unwanted = ("FILSLUSS_", "DJANGO_", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


def environment(data_dir: Path, **own: str) -> dict[str, str]:
    """A whole environment for a process; `own` settings go without their FILSLUSS_ and win."""
    given = {f"FILSLUSS_{name}": value for name, value in own.items()}
    return {**bare_environment(), **DEFAULTS, "FILSLUSS_DATA_DIR": str(data_dir), **given}


def configure_process(data_dir: Path, **own: str) -> None:
    """Gives this process such an environment, before Django reads its settings."""
    of_worker = {name: text for name, text in os.environ.items() if name.startswith("PYTEST_XDIST_")}
    wanted = {**environment(data_dir, **own), **of_worker}
    os.environ.clear()
    os.environ.update(wanted)
