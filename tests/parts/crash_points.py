"""Runs `filsluss` so that it crashes at a named point: wrappers around every durable step, from outside."""

# `crash_points.py FOLDER serve …`. While FOLDER/armed exists, every point that is passed is appended to
# FOLDER/passed; at the one named in FOLDER/crash-at the whole process group is killed. If FOLDER/statements
# exists, each statement inside a transaction is a point too.

import functools
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, __file__]
"""Followed by the folder, and then by the arguments of `filsluss`."""

BLOB = re.compile(r".*/.\.d/[A-Za-z0-9_-]{22}")
WRITES = ("INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP")


class Points:
    """Counts the points that this program has passed since it was armed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()

    def passed(self, name: str) -> None:
        if not (self.folder / "armed").exists():
            return
        self.counts[name] += 1
        point = f"{name}#{self.counts[name]}"
        with (self.folder / "passed").open("a") as log:
            log.write(point + "\n")
        if (self.folder / "crash-at").read_text() == point:
            os.killpg(os.getpgrp(), signal.SIGKILL)
            signal.pause()  # nothing more happens here

    def around(self, owner: Any, function: str, name: Callable[..., str], *, after: bool = True) -> None:
        """Makes `owner.function` pass a point before and after; an empty name is no point."""
        real = getattr(owner, function)

        @functools.wraps(real)
        def wrapped(*args: Any, **more: Any) -> Any:
            what = name(*args, **more)
            if not what:
                return real(*args, **more)
            self.passed(f"before-{what}")
            answer = real(*args, **more)
            if after:
                self.passed(f"after-{what}")
            return answer

        setattr(owner, function, wrapped)


def kind_of(place: Any) -> str:
    """What a path or a descriptor refers to: "blob", "folder" of blobs, or nothing of ours."""
    path = os.readlink(f"/proc/self/fd/{place}") if isinstance(place, int) else str(place)
    path = path.removesuffix(" (deleted)")
    if BLOB.fullmatch(path):
        return "blob"
    return "folder" if path.endswith((".d", "/blobs")) else ""


def named(verb: str) -> Callable[..., str]:
    """`pwrite-blob`, `fsync-folder`, …: the verb, with what its first argument is."""

    def name(place: Any, *args: Any, **more: Any) -> str:
        kind = kind_of(place)
        return f"{verb}-{kind}" if kind else ""

    return name


def opening(path: Any, flags: int, *args: Any, **more: Any) -> str:
    return "create-blob" if flags & os.O_CREAT and kind_of(path) == "blob" else ""


def splicing(source: int, target: int, *args: Any, **more: Any) -> str:
    return "splice-blob" if kind_of(target) == "blob" else ""


def mark_files(points: Points) -> None:
    points.around(os, "open", opening)
    points.around(os, "splice", splicing)
    for verb in ("mkdir", "unlink", "fsync", "fdatasync", "pwrite", "ftruncate"):
        points.around(os, verb, named(verb))


def mark_database(points: Points) -> None:
    """The COMMIT of a transaction that wrote; a statement that writes outside of one is its own.

    On SQLite threads may share the transaction of what each does by one statement on PostgreSQL.
    """
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.utils import CursorWrapper

    from filsluss.sqlite.base import DatabaseWrapper

    writing: set[int] = set()
    each_statement = (points.folder / "statements").exists()

    def statement(cursor: Any, sql: Any, *args: Any) -> str:
        verb = str(sql).split(None, 1)[0].upper()
        if verb not in WRITES:
            return ""
        if cursor.db.in_atomic_block:
            writing.add(id(cursor.db))
            return f"write-{verb.lower()}" if each_statement else ""
        return "commit"

    def raw_statement(database: Any, sql: str, *args: Any, **more: Any) -> str:
        if not database.in_atomic_block or sql.split(None, 1)[0].upper() not in WRITES:
            return ""  # outside a transaction it goes through a cursor
        writing.add(id(database))
        return f"write-{sql.split(None, 1)[0].lower()}" if each_statement else ""

    def commit(database: Any) -> str:
        wrote = id(database) in writing
        writing.discard(id(database))
        return "commit" if wrote else ""

    points.around(BaseDatabaseWrapper, "_commit", commit)
    points.around(CursorWrapper, "_execute", statement)
    points.around(CursorWrapper, "_executemany", statement)
    points.around(DatabaseWrapper, "run", raw_statement)


def mark_answers(points: Points) -> None:
    """The two moments at which somebody outside learns something: a mail server's 250 and our own response.

    There is no point after a response: the client may be quicker than we are.
    """
    import smtplib

    from gunicorn.http.wsgi import Response

    points.around(smtplib.SMTP, "data", lambda self, message: "mail-data")
    points.around(Response, "send_headers", lambda self: "" if self.headers_sent else "answer", after=False)


def main(folder: str, *words: str) -> None:
    del sys.path[0]  # this folder, whose names are not those of packages
    if os.getpgrp() != os.getpid():
        os.setpgrp()
    points = Points(Path(folder))
    mark_files(points)
    mark_database(points)
    mark_answers(points)
    sys.argv = ["filsluss", *words]
    from filsluss.cli import main as filsluss

    filsluss()


if __name__ == "__main__":
    main(*sys.argv[1:])
