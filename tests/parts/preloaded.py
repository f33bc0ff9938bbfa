"""Python programs, forked from a process that has imported everything: a start costs no imports.

Importing Django, gunicorn, the others and our own modules takes most of the processor time of a start, and
the tests start hundreds of services and commands. The modules loaded here read no settings, and those
that Django needs to load models are forgotten again. The child reads those of its own environment, and runs
the program as `python -m MODULE` or `python FILE` would.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

LIBRARIES = """
    concurrent.futures ctypes django.contrib.auth.hashers django.core.mail.backends.smtp
    django.core.management.commands.migrate django.core.servers.basehttp django.core.wsgi
    django.db.migrations.executor django.template.defaultfilters django.templatetags.i18n
    django.templatetags.static django.test.client django.utils.translation.trans_real django.views.defaults
    email.policy google_crc32c gunicorn.app.base gunicorn.arbiter gunicorn.glogging gunicorn.workers.gthread
    html.parser psycopg psycopg_pool smtplib urllib.request xml.etree.ElementTree zoneinfo
""".split()
"""What is imported when it is needed; our own modules, and with them what they import, come to it."""
STARTED = {"filsluss.__main__", "filsluss.settings", "filsluss.wsgi"}
"""Modules of ours that do something when they are imported."""
SAME = ("PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
"""What counts when Python starts: a child with other values is started by itself."""


class Forked:
    """A running child, as `subprocess.Popen` shows one."""

    def __init__(self, pid: int, status: int, words: Sequence[str]) -> None:
        self.pid, self.args = pid, list(words)
        self._status = status
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], seconds)[0]:
            text = os.read(self._status, 100)
            os.close(self._status)
            self.returncode = int(text or -signal.SIGKILL)  # nothing: the process that forks has ended
        return self.returncode

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forker:
    """The process that forks, and the socket on which it is asked to.

    `library` is loaded before all others: that of faketime, which reads the clock of a child from its
    environment.
    """

    def __init__(self, library: str) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._environment = {name: os.environ.get(name) for name in SAME}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
            env={**os.environ, **(faked(library) if library else {})},
            start_new_session=True,
        )
        theirs.close()
        atexit.register(self.close)

    def close(self) -> None:
        """It ends, and so its children's processor time counts as ours."""
        self._socket.close()
        self._process.wait()

    def may_run(self, words: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Whether that is a Python program, in an environment that the interpreter can take over."""
        is_program = words[0] == sys.executable and (words[1] == "-m" or words[1].endswith(".py"))
        same = all(environment.get(name) == value for name, value in self._environment.items())
        return is_program and same

    def start(self, words: Sequence[str], environment: Mapping[str, str], out: Any, err: Any) -> Forked:
        """Starts it in a session of its own, with nothing to read."""
        mine, theirs = os.pipe()
        asked = {"words": list(words[1:]), "environment": dict(environment), "folder": os.getcwd()}
        with open(os.devnull, "rb") as nothing, self._lock:
            handed = [nothing.fileno(), out.fileno(), err.fileno(), theirs]
            socket.send_fds(self._socket, [json.dumps(asked).encode()], handed)
            os.close(theirs)
            pid = int(self._socket.recv(100))
        return Forked(pid, mine, words)


def faked(library: str) -> dict[str, str]:
    """With this the library reads the environment anew each time, also that of a child."""
    return {"LD_PRELOAD": library, "FAKETIME": "+0s", "FAKETIME_NO_CACHE": "1", "NO_FAKE_STAT": "1"}


@cache
def forker(library: str = "") -> Forker:
    return Forker(library)


def start(words: Sequence[str], environment: Mapping[str, str], out: Any, err: Any) -> Any:
    """The program, running in a session of its own: forked if it can be, else started by itself."""
    library = environment.get("LD_PRELOAD", "")
    if (not library or "faketime" in library) and forker(library).may_run(words, environment):
        return forker(library).start(words, environment, out, err)
    return subprocess.Popen(
        words, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
    )


# In the process that forks


class Asked(Exception):
    """In a child: what it is to run."""

    def __init__(self, words: list[str]) -> None:
        self.words = words


def fork_until_closed(asking: socket.socket) -> None:
    """Forks as it is asked, and tells how each child has ended; raises Asked in the child."""
    load()
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(waking)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    told: dict[int, int] = {}
    watched: list[Any] = [asking, woken]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 1000)
            tell_ends(told)
        if asking not in ready:
            continue
        text, handed, *_ = socket.recv_fds(asking, 1 << 20, 4)
        if not text:
            return
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (woken, waking, *told.values()):
                os.close(descriptor)
            asking.close()
            become(json.loads(text), handed)
        for descriptor in handed[:3]:
            os.close(descriptor)
        told[pid] = handed[3]
        asking.send(str(pid).encode())


def load() -> None:
    """Imports everything, under the settings of no installation, of which nothing is kept."""
    import django

    import filsluss
    from filsluss.server import placeholder_settings

    before = dict(os.environ)
    placeholder_settings.apply()
    os.environ["DJANGO_SETTINGS_MODULE"] = "filsluss.settings"
    django.setup()
    ours = [module.name for module in pkgutil.walk_packages(filsluss.__path__, "filsluss.")]
    for name in (*LIBRARIES, *(name for name in ours if name.startswith("filsluss.migrations."))):
        importlib.import_module(name)
    forget_settings()
    # There are no settings now: a module that asks for one when it is imported fails, as the child's differ.
    for name in ours:
        if name not in STARTED:
            importlib.import_module(name)
    read_descriptions_of_s3()
    os.environ.clear()
    os.environ.update(before)
    gc.collect()
    gc.freeze()  # what is never looked at again is never copied for a child


def read_descriptions_of_s3() -> None:
    """As for the first client of a bucket, which asks nobody for anything."""
    from filsluss.blobs.bucket import Bucket
    from filsluss.blobs.bucket_address import BucketAddress

    Bucket(BucketAddress.of("s3://none/files"), lambda: ("nobody", "nobody")).client()


def forget_settings() -> None:
    """Django reads them again when it is next asked for one; the models that it has loaded stay."""
    from django.conf import settings
    from django.db import connections
    from django.utils.functional import empty
    from django.utils.translation import trans_real

    import filsluss

    for known in [name for name in vars(settings) if name != "_wrapped"]:
        delattr(settings, known)
    vars(settings)["_wrapped"] = empty
    del sys.modules["filsluss.settings"], filsluss.settings, connections["default"]
    vars(connections).pop("settings", None)
    vars(connections)["_settings"] = None
    vars(trans_real).update(_default=None, _translations={})
    del os.environ["DJANGO_SETTINGS_MODULE"]


def tell_ends(told: dict[int, int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            status = told.pop(ended[0])
            os.write(status, str(os.waitstatus_to_exitcode(ended[1])).encode())
            os.close(status)


def become(asked: dict[str, Any], handed: list[int]) -> None:
    """Takes over what a program is given at its start; raises Asked, as nothing here is to go on."""
    os.setsid()
    for number, descriptor in enumerate(handed[:3]):
        os.dup2(descriptor, number)
    for descriptor in handed:
        os.close(descriptor)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    raise Asked(asked["words"])


def run(words: list[str]) -> None:
    """As `python WORDS` does: `-m MODULE …` or `FILE …`."""
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = words, str(Path(words[0]).parent)
        runpy.run_path(words[0], run_name="__main__")


def end(status: int) -> None:
    """What Python does at the end of a program, but that it takes no object apart.

    To do so it would write to nearly all of the memory that is shared with the process that has forked.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for the threads, as multiprocessing does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status & 0xFF)


if __name__ == "__main__":
    try:
        with socket.socket(fileno=int(sys.argv[1])) as asking:
            fork_until_closed(asking)
    except Asked as asked:
        words = asked.words
    else:
        sys.exit()
    try:
        run(words)
        status: Any = 0
    except SystemExit as ended:
        status = ended.code or 0
    if isinstance(status, int):
        end(status)
    sys.exit(status)
