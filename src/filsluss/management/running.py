"""Running a command, here or in a child of the supervisor: an error that an operator can fix is one line."""

import errno
import os
import sys
from collections.abc import Callable
from functools import partial

from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError
from django.db.migrations.exceptions import IrreversibleError

from filsluss.conf.settings_file import SettingUnreadable
from filsluss.logs import printable

OPERATORS = {
    getattr(errno, name) for name in "EACCES EPERM EROFS EISDIR ENOTDIR ENOSPC EDQUOT EMFILE ENFILE".split()
}
"""Errors of the system that come from its rights and its room."""


def run(program: Callable[[], None]) -> None:
    """Runs the program; exits with status 1 and one line for an error that an operator can fix."""
    try:
        program()
    except BrokenPipeError:
        raise
    except Exception as fault:
        message = one_line_message(fault)
        if message is None:
            raise
        print(f"filsluss: {printable(' '.join(message.split()))}", file=sys.stderr)
        sys.exit(1)


def run_again(*words: str) -> None:
    """Runs the command of these words in a process where another one has set up Django already."""
    sys.argv[1:] = words
    run(partial(execute_from_command_line, sys.argv))


def one_line_message(fault: Exception) -> str | None:
    """The message of an error that an operator can fix; None for any other, which needs its traceback."""
    if isinstance(fault, SettingUnreadable):
        return str(fault)
    if isinstance(fault, OSError) and fault.errno in OPERATORS:
        return f"{fault.filename or 'a file'}: {fault.strerror}; user {os.geteuid()} runs this"
    if isinstance(fault, IrreversibleError):
        return "the tables cannot go back: restore a copy of the database; see docs/upgrade.md"
    if isinstance(fault, DatabaseError | InterfaceError):
        return f"the database cannot be used: {fault}; see `filsluss check`, and `filsluss migrate`"
    return None
