"""A program runs on tables of its own version only, and says so in one line where they are others."""

import re
from pathlib import Path

import pytest

from filsluss.ops.tables import is_older, program_version
from tests.parts.installation_before import execute
from tests.parts.mail_server import free_port
from tests.parts.service import Service

ROOT = Path(__file__).parents[2]
NEWER = "UPDATE filsluss_installation SET value = '9.10.0' WHERE name = 'oldest-program'"


def refusal(service, *words):
    """The one line with which a command refuses to run."""
    ran = service.run(*words, check=False, seconds=30)
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
    return ran.stderr.strip()


@pytest.fixture
def newer(make_service):
    """A service whose tables a newer version has upgraded."""
    service = make_service(BASE_URL="https://fts.example.se")
    service.run("migrate")
    execute(service, NEWER)
    return service


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("command", ["serve", "web", "worker", "worker --once"])
def test_on_tables_of_a_newer_version_nothing_is_started(newer, command):
    port = [] if "worker" in command else ["--port", str(free_port())]
    assert refusal(newer, *command.split(), *port) == (
        f"CommandError: the tables need Filsluss 9.10.0 or newer, and this is {program_version()}"
    )


def test_nor_is_a_demo(tmp_path):
    service = Service(tmp_path / "demo")
    service.run("migrate")
    execute(service, NEWER)
    line = refusal(service, "demo", "--data", str(service.data_dir), "--port", str(free_port()))
    assert line.startswith("CommandError: the tables need Filsluss 9.10.0 or newer")


def test_check_says_which_version_the_tables_need(newer):
    ran = newer.run("check", check=False)
    assert (
        f"WRONG tables: need Filsluss 9.10.0 or newer, and this is {program_version()}: install that"
        in ran.stdout.splitlines()
    )
    execute(newer, NEWER.replace("9.10.0", "0.2.0"))
    said = newer.run("check", check=False).stdout.splitlines()
    assert f"OK    tables: this is {program_version()}, and they need 0.2.0 or newer" in said
    execute(newer, "DELETE FROM filsluss_installation")
    assert f"OK    tables: this is {program_version()}" in newer.run("check", check=False).stdout.splitlines()


def test_on_tables_that_wait_for_migrations_web_and_worker_are_started_after_serve_has_migrated(make_service):
    service = make_service(is_bare=True)
    service.run("migrate", "filsluss", "0003")
    for command in ("web", "worker", "worker --once"):
        assert re.fullmatch(
            r"CommandError: \d+ migrations wait: stop every process and run `filsluss migrate`",
            refusal(service, *command.split()),
        )
    assert service.start("serve").stop() == 0
    assert service.start("web").stop() == 0
    service.run_worker()


def test_while_the_database_is_away_pages_are_served_all_the_same(make_service):
    """Whoever asks is told to come back, and they are, when it is there again."""
    away = make_service(DATABASE_URL=f"postgresql://anna@127.0.0.1:{free_port()}/filsluss")
    assert away.start("web").get("/healthz").status == 200


def test_versions_are_compared_by_their_numbers():
    older = [("0.1.0", "0.2.0"), ("0.9.2", "0.10.0"), ("0.2.0", "1.0.0"), ("0.2", "0.2.1")]
    assert [pair for pair in older if not is_older(*pair)] == []
    assert [pair for pair in older if is_older(*reversed(pair))] == []
    assert not is_older("0.2.0", "0.2.0")
    assert not is_older("0.2.0", "")


def test_the_changelog_begins_with_the_version_of_the_program():
    newest = re.search(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == program_version()


@pytest.mark.postgresql_if_full
def test_no_command_works_on_tables_of_a_newer_version_but_those_that_only_copy_or_tell(newer):
    words = ["migrate", "list", "show K7PM-4QXD", "close K7PM-4QXD --reason x", "remove K7PM-4QXD --reason x"]
    words += ["admin list", "admin add eva", "letter send-again " + "x" * 22, "rekey", "reconcile --dry-run"]
    for each in words:
        assert "the tables need Filsluss 9.10.0 or newer" in refusal(newer, *each.split()), each
    assert newer.run("settings").returncode == 0
    assert "need Filsluss 9.10.0" in newer.run("check", check=False).stdout


@pytest.mark.parametrize(
    "words",
    ["filsluss 0017", "filsluss zero", "--fake", "filsluss 0017 --fake", "--fake-initial", "auth 0001"],
)
def test_nothing_undoes_tables_or_says_of_them_what_is_not_so(laid, words):
    ran = laid.run("migrate", *words.split(), check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert laid.run("migrate", "--check").returncode == 0


@pytest.fixture(scope="module")
def laid(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("laid") / "data")
    service.lay_tables()
    return service
