"""The settings file and the data folder: what a program by hand finds that has no environment."""

import os
import subprocess
import sys
from contextlib import chdir

import pytest

from filsluss.conf.settings_file import parse
from tests.parts import usual_places
from tests.parts.installation import DEFAULTS, bare_environment, folder
from tests.parts.programs import run_to_its_end

LIKE_SYSTEMD = """
# a comment
; another, with = in it
FILSLUSS_ORGANISATION="Region Exempel"
  INDENTED = blanks end here \t
EMPTY=
HASH=value # with a hash
PARTS='one two' "three \\"four\\" \\$five \\n"
JOINED=a\\
b
LINES="one
two"
LETTERS=räksmörgås
"""


@pytest.fixture
def machine(tmp_path):
    """Runs `filsluss` on a machine whose usual settings file and data folder lie in `tmp_path`."""
    program = usual_places.program(tmp_path / "filsluss.env", tmp_path / "system")

    def run(*words, cwd=tmp_path, **env):
        with chdir(cwd):
            return run_to_its_end([*program, *map(str, words)], {**bare_environment(), **env}, seconds=60)

    return run


def write_settings(path, **changes):
    given = {**DEFAULTS, **changes}
    del given["FILSLUSS_CONFIG"]
    path.write_text("".join(f'{name}="{value}"\n' for name, value in given.items()))
    path.chmod(0o600)


def organisation(ran):
    """What `check` calls it."""
    return ran.stdout.partition("settings: ")[2].partition(" at ")[0]


def test_the_format_is_that_of_systemd():
    assert dict(parse(LIKE_SYSTEMD.replace("\\\\", "\\"))) == {
        "FILSLUSS_ORGANISATION": "Region Exempel",
        "INDENTED": "blanks end here",
        "EMPTY": "",
        "HASH": "value # with a hash",
        "PARTS": 'one twothree "four" $five \\n',
        "JOINED": "ab",
        "LINES": "one\ntwo",
        "LETTERS": "räksmörgås",
    }


@pytest.mark.parametrize("line", ["FILSLUSS_X", "export A=1", "A B=1", 'A="1', "=1", "1A=1", "A-B=1", "[x]"])
def test_a_line_that_is_no_setting_is_named(machine, tmp_path, line):
    (tmp_path / "filsluss.env").write_text(f"# first\nA=1\n{line}\n")
    ran = machine("list")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert f"{tmp_path}/filsluss.env: line 3 is not NAME=value" in ran.stderr


def test_a_command_by_hand_reads_the_usual_file_and_the_environment_wins(machine, tmp_path):
    (tmp_path / "system").mkdir(mode=0o700)
    write_settings(tmp_path / "filsluss.env", FILSLUSS_ORGANISATION="Ur filen")
    assert organisation(machine("check")) == "Ur filen"
    assert organisation(machine("check", FILSLUSS_ORGANISATION="Ur miljön")) == "Ur miljön"
    other = tmp_path / "other.env"
    write_settings(other, FILSLUSS_ORGANISATION="Ur en annan")
    assert organisation(machine("check", FILSLUSS_CONFIG=str(other))) == "Ur en annan"
    assert (tmp_path / "system" / "secret_key").exists()


def test_a_secret_of_the_environment_wins_over_the_file_that_the_settings_name(machine, tmp_path):
    (tmp_path / "key").write_text("f" * 40)
    write_settings(tmp_path / "filsluss.env", FILSLUSS_SECRET_KEY_FILE=str(tmp_path / "key"))
    ran = machine("check", FILSLUSS_SECRET_KEY="e" * 40)
    assert ("both set" in ran.stderr, organisation(ran)) == (False, "Landstinget Dalarna")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"A=\0", b"A=1\n" * 40_000], ids=["bytes", "nul", "large"])
def test_a_file_that_cannot_be_read_is_named(machine, tmp_path, content):
    (tmp_path / "filsluss.env").write_bytes(content)
    ran = machine("list")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert f"FILSLUSS_CONFIG: cannot read the settings file {tmp_path}/filsluss.env: " in ran.stderr


def test_a_file_that_was_named_must_be_there_and_cannot_name_another(machine, tmp_path):
    ran = machine("list", FILSLUSS_CONFIG="/nowhere/x.env")
    assert "cannot read the settings file /nowhere/x.env: No such file" in ran.stderr
    (tmp_path / "filsluss.env").write_text("FILSLUSS_CONFIG=/x\n")
    assert "cannot be set in the settings file itself" in machine("list").stderr


def test_data_lies_where_systemd_says_else_where_the_system_keeps_it_else_here(machine, tmp_path):
    write_settings(tmp_path / "filsluss.env")
    machine("check")
    assert (tmp_path / "data" / "secret_key").exists()
    (tmp_path / "system").mkdir(mode=0o700)
    machine("check")
    assert (tmp_path / "system" / "secret_key").exists()
    machine("check", STATE_DIRECTORY=str(tmp_path / "state"))
    assert (tmp_path / "state" / "secret_key").exists()
    machine("check", STATE_DIRECTORY="/nowhere", FILSLUSS_DATA_DIR=str(tmp_path / "mine"))
    assert (tmp_path / "mine" / "secret_key").exists()


def test_demo_heeds_neither_the_file_nor_the_folder_of_an_installation(machine, tmp_path):
    (tmp_path / "system").mkdir()
    write_settings(tmp_path / "filsluss.env", FILSLUSS_ORGANISATION="Annan region", FILSLUSS_NONSENSE="1")
    ran = machine("demo", "--port", "0", "--data", str(tmp_path / "demo"))
    assert ran.returncode == 2  # it got as far as its own words
    ran = machine(
        "demo", "--port", "1", "--data", "/dev/null/x", FILSLUSS_CONFIG=str(tmp_path / "filsluss.env")
    )
    assert "FILSLUSS_NONSENSE" not in ran.stderr
    assert "/dev/null/x" in ran.stderr
    assert list((tmp_path / "system").iterdir()) == []


HELP = ["", "help", "--help", "-h", "version", "--version", "help serve", "serve --help", "list -h"]
HELP += ["letter send-again --help", "letter send-again -h", "admin add --help", "admin -h"]
NO_COMMANDS = ["flush --noinput", "shell", "dbshell", "loaddata x", "runserver", "help flush", "sqlflush"]


@pytest.mark.parametrize("words", HELP)
def test_help_and_version_need_nothing_and_leave_nothing(machine, tmp_path, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "filsluss.env").write_text("FILSLUSS_NONSENSE=1\n")
    ran = machine(
        *words.split(), cwd=tmp_path / "empty", FILSLUSS_MAX_DAYS="trettio", FILSLUSS_DATA_DIR="here"
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("words", NO_COMMANDS)
def test_no_command_of_djangos_is_ours(machine, tmp_path, words):
    ran = machine(*words.split())
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_is_missing_leaves_nothing_behind(machine, tmp_path):
    ran = machine("check")
    assert ran.stderr == "filsluss: FILSLUSS_BASE_URL is missing\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_root_acts_as_the_owner_of_the_data_folder():
    data = folder("owned")
    os.chown(data, 65534, 65534)
    write_settings(data / "settings.env")
    os.chown(data / "settings.env", 0, 0)
    env = {
        **bare_environment(),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "FILSLUSS_CONFIG": str(data / "settings.env"),
        "FILSLUSS_DATA_DIR": str(data),
    }
    words = [sys.executable, "-m", "filsluss", "migrate", "--verbosity", "0"]
    ran = subprocess.run(words, env=env, cwd="/", capture_output=True, text=True, check=False)
    if "No module named" in ran.stderr or "Permission denied" in ran.stderr:
        pytest.skip("another user cannot read the source here")
    assert (ran.returncode, ran.stderr) == (0, "")
    made = [path for path in data.iterdir() if path.name != "settings.env"]
    assert {path.name for path in made} >= {"filsluss.sqlite3", "secret_key"}
    assert {path.stat().st_uid for path in made} == {65534}
