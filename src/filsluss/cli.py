"""The `filsluss` command."""

import os
import pkgutil
import pwd
import sys
from functools import partial
from pathlib import Path

import django
from django.core.management import execute_from_command_line, load_command_class
from django.db import DatabaseError, connection

from filsluss.conf import settings_file
from filsluss.conf.data_folder import usual_folder
from filsluss.conf.names import Name
from filsluss.conf.settings_file import SettingUnreadable
from filsluss.management import commands
from filsluss.management.running import run
from filsluss.server import demo_settings, placeholder_settings, temporary_files
from filsluss.version import program_version

OWN = {module.name for module in pkgutil.iter_modules(commands.__path__)}
ON_ANY_TABLES = {"settings", "check", "backup", "restore", "serve", "web", "worker", "demo"}
"""Commands that need no tables, only copy them, or ask for themselves whether they may run on them."""
HELP = {"help", "version", "--help", "--version", "-h"}


def main() -> None:
    """Exit status 0; 1 with one line on stderr for an error of settings or database; 2 for bad usage."""
    try:
        start(sys.argv[1:] or ["help"])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes again at exit


def start(words: list[str]) -> None:
    """Runs the command of these words, or explains it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filsluss.settings")
    os.environ.pop("DJANGO_AUTO_COMPLETE", None)  # it would answer with Django's commands
    if "--version" in words:
        words = ["--version"]
    elif words[0] in HELP:
        words = [*words[1:2], "--help"] if words[0] == "help" and words[1:] else words[:1]
    if words[0] not in {*OWN, *HELP}:
        sys.exit(unknown(words[0]))
    if words[0] in HELP or {"-h", "--help"} & set(words):
        explain(words)
        return
    if words[0] == "demo":
        demo_settings.apply(words[1:])
    run(partial(dispatch, words))


def unknown(name: str) -> int:
    """Says that there is no such command; returns the exit status of bad usage (Django's own is 1)."""
    print(f"filsluss: there is no command {name!r}; `filsluss help` lists them all", file=sys.stderr)
    return 2


def dispatch(words: list[str]) -> None:
    """Reads the settings, and calls the command."""
    settings_file.load()
    if os.environ.get(Name.DEMO) and words[0] != "demo":
        raise SettingUnreadable(f"{Name.DEMO} is only for `filsluss demo`; remove it")
    act_as_owner()
    folder = temporary_files.keep_below(Path(usual_folder()))
    django.setup()
    temporary_files.make(folder)
    if words[0] not in ON_ANY_TABLES and (why := tables_refusal()):
        sys.exit(f"CommandError: the tables {why}")
    execute_from_command_line(["filsluss", *words])


def tables_refusal() -> str:
    """Why this program may not run on the tables; empty if it may, or if the command says what is wrong."""
    from filsluss.ops.tables import refusal  # it imports models, which need the settings

    try:
        return refusal()
    except DatabaseError:
        return ""
    finally:
        connection.close()


def explain(words: list[str]) -> None:
    """Prints the version, all commands, or the usage of one; needs no settings, and leaves nothing behind."""
    placeholder_settings.apply()
    django.setup()
    if words[0] in HELP:
        print(f"filsluss {program_version()}" if "version" in words[0] else help_text())
    else:
        execute_from_command_line(["filsluss", *words])


def help_text() -> str:
    """Every command, with what it says of itself."""
    about = {name: load_command_class("filsluss", name).help for name in OWN}
    lines = [f"  {name:<16} {about[name]}" for name in sorted(about)]
    return "\n".join(["filsluss COMMAND …; `filsluss help COMMAND` says more of one.", "", *lines])


def act_as_owner() -> None:
    """As root, continues as the owner of the data folder, so that no file in it becomes root's.

    Not where root owns the secret key in it: then the service itself runs as root.
    """
    folder = Path(usual_folder())
    if os.geteuid() != 0 or not folder.is_dir():
        return
    key, owner = folder / "secret_key", folder.stat()
    if owner.st_uid == 0 or (key.exists() and key.stat().st_uid == 0):
        return
    try:
        user = pwd.getpwuid(owner.st_uid)
        os.initgroups(user.pw_name, owner.st_gid)
        os.environ["HOME"] = user.pw_dir  # PostgreSQL's library looks for files there
    except KeyError:  # a user without a name, as in a container
        os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
