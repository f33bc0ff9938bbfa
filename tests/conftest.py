"""Fixtures of all tests: the policy, a fixed moment, a store, a mail server, a running service, a browser."""

import gc
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis
import pytest

pytest.register_assert_rewrite("tests.parts")

from tests.parts import browser as chromium
from tests.parts import installation, migrated
from tests.parts.databases import needs_one
from tests.parts.emptied import Emptied
from tests.parts.mail_server import MailServer
from tests.parts.postgres import MIGRATED, Postgres, PostgresMissing, all_rows
from tests.parts.seaweed import Seaweed, SeaweedMissing, of_this_run
from tests.parts.service import FaketimeMissing, Service
from tests.parts.shared_service import SharedService, database_of_its_own, start_shared_service
from tests.parts.stores import IN_BUCKET, WHERE, blobs_of_its_own, why_not_in_bucket
from tests.parts.together import TOGETHER, Together, of_file

# Before anything reads Django's settings: which database is meant, and whose installation this is.
DATABASE = os.environ.get("TEST_DATABASE", "sqlite")
SERVER: Postgres | None = None
NO_SERVER = ""
if DATABASE not in ("sqlite", "postgresql"):
    pytest.exit(f"TEST_DATABASE is {DATABASE!r}; it can be sqlite or postgresql", returncode=2)
if WHERE not in ("disk", "s3") or (IN_BUCKET and DATABASE != "postgresql"):
    pytest.exit("TEST_BLOBS can be disk, or s3 with TEST_DATABASE=postgresql", returncode=2)
if DATABASE == "postgresql":
    try:
        SERVER = Postgres()
    except PostgresMissing as fault:
        NO_SERVER = str(fault)
installation.configure_process(
    installation.folder("data"), **({"DATABASE_URL": SERVER.url("filsluss")} if SERVER else {})
)
os.environ["DJANGO_SETTINGS_MODULE"] = "filsluss.settings"

import django

django.setup()
# Whoever runs tests beside this process makes an installation of its own, and reads its settings then.
del os.environ["DJANGO_SETTINGS_MODULE"]

from django.conf import settings as django_settings
from django.db import connection
from django.db.models.signals import post_migrate

# One that takes no time: these tests are about when a password is looked at. Services that run keep Django's.
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

from filsluss.blobs import Store, open_store
from filsluss.origin import NOWHERE, set_origin
from filsluss.rules.policy import Policy
from filsluss.static_layout import PACKAGE, lay_out

# Without --full the examples are the same in each run.
hypothesis.settings.register_profile("short", deadline=None, database=None, derandomize=True, max_examples=50)
hypothesis.settings.register_profile("full", deadline=None, database=None, max_examples=2000)

ROOT = Path(__file__).parent.parent
ServiceFactory = Callable[..., Service]
SECONDS = {"browser": 4.0, "live": 1.5, "database": 0.05}
"""About how long a test takes, by what it uses."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the long runs too")
    parser.addoption("--failed-to", metavar="FILE", help="write the names of the tests that failed to FILE")


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # until everything is collected: all of it stays
    hypothesis.settings.load_profile("full" if config.getoption("--full") else "short")
    if not hasattr(config, "workerinput"):  # once, before pytest-xdist starts its workers
        installation.remove_ended_runs()
        lay_out(PACKAGE / "static", PACKAGE / "laid_out")  # as `bin/venv` has done, if nothing changed since


def pytest_collection_finish() -> None:
    """What has been collected is not looked at again each time that garbage is."""
    gc.freeze()
    gc.enable()


def pytest_report_header() -> str:
    return f"database: {DATABASE}, blobs: {WHERE}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Marks follow from what a test asks for, so that none can be forgotten; the longest files come first."""
    mark(config, items)
    yield
    longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    return Together(config, log) if config.getoption("dist") == "loadfile" else None


def longest_first(items: list[pytest.Item]) -> None:
    """Files are handed out in this order: whatever came last would be waited for by one process alone."""
    seconds: Counter[str] = Counter()
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        kinds = [cost for kind, cost in SECONDS.items() if kind in marks]
        seconds[of_file(item.location[0])] += 0 if "skip" in marks else max(kinds, default=0.02)
    items.sort(key=lambda item: -seconds[of_file(item.location[0])])


def mark(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        for fixture in asked & set(TOGETHER):
            assert item.location[0].startswith(TOGETHER[fixture]), f"{item.location[0]} is not in TOGETHER"
        if asked & {"db", "transactional_db"} or item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.database)
        if asked & {"make_service", *EMPTIED}:
            item.add_marker(pytest.mark.live)
        if "browser" in asked:
            item.add_marker(pytest.mark.browser)
        is_left_out = item.get_closest_marker("postgresql_if_full") and not config.getoption("--full")
        if DATABASE != "sqlite" and (needs_one(item.location[0]) or is_left_out):
            item.add_marker(pytest.mark.one_database)
        if IN_BUCKET and (why := why_not_in_bucket(item.location[0], asked, full=config.getoption("--full"))):
            item.add_marker(pytest.mark.skip(reason=why))
        if NO_SERVER:
            item.add_marker(pytest.mark.skip(reason=NO_SERVER))
        if item.get_closest_marker("full") and not config.getoption("--full"):
            item.add_marker(pytest.mark.skip(reason="a long run; bin/test --full"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Where the clock of a process cannot be set, a test that needs it is skipped, and says so.

    A test that has answered as the server does, without its end, leaves the origin of a request behind.
    """
    try:
        return (yield)
    except FaketimeMissing as missing:
        pytest.skip(str(missing))
    finally:
        set_origin(NOWHERE)


@pytest.fixture
def policy() -> Policy:
    return django_settings.POLICY


@pytest.fixture
def now() -> datetime:
    """A Tuesday morning in late November."""
    return datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("Europe/Stockholm"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store((tmp_path / "blobs").as_uri())


EMPTIED = ("emptied_service", "emptied_slow_service")
"""Fixtures that are services which other tests have used, each with a mail server of its own."""


@pytest.fixture
def mail_server(request: pytest.FixtureRequest, settings: Any) -> Iterator[MailServer]:
    """An SMTP server that keeps what it gets; this process too sends its mail there during the test.

    That of the service, if the test has one that others have used.
    """
    used = [name for name in EMPTIED if name in request.fixturenames]
    mail_server = request.getfixturevalue(used[0]).mail_server if used else MailServer()
    if not used:
        mail_server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mail_server.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield mail_server
    if not used:
        mail_server.stop()


@pytest.fixture(scope="session")
def database_server() -> Iterator[Postgres | None]:
    """PostgreSQL, started when the first test wants it; None where the database is SQLite."""
    if SERVER is None:
        yield None
        return
    SERVER.start()
    with SERVER.database("filsluss"):
        yield SERVER
    SERVER.stop()


@pytest.fixture(scope="session")
def seaweed() -> Seaweed:
    """SeaweedFS, started when the first test of the whole run wants it; it ends with the run."""
    try:
        return of_this_run()
    except SeaweedMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    database_server: Postgres | None, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """The server is there before Django makes its test database, which gets its tables from a template.

    Django then finds no migration left to be applied.
    """
    if database_server:
        connection.settings_dict["TEST"]["TEMPLATE"] = MIGRATED
        connection.ops.sql_flush = lambda _style, tables, **_how: [all_rows(tables)]
        return
    make_empty = connection.creation._create_test_db

    def make_with_tables(*args: Any, **more: Any) -> str:
        connection.settings_dict["NAME"] = name = make_empty(*args, **more)
        with closing(sqlite3.connect(migrated.sqlite_database())) as template:
            connection.ensure_connection()
            template.backup(connection.connection)
        return name

    connection.creation._create_test_db = make_with_tables


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """After each test that commits Django would write its own permissions anew, which nobody uses."""
    post_migrate.receivers = []


@pytest.fixture(scope="session")
def wheels() -> Path:
    """What pip would fetch, fetched before, once a run: there is no network where the lines are run."""
    return installation.once_a_run("wheels", fetch_wheels)


def fetch_wheels(folder: Path) -> None:
    builder = re.search(r"^setuptools==\S+", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    assert builder
    pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "-d", folder]
    locks = [word for lock in ("requirements.txt", "requirements-build.txt") for word in ("-r", ROOT / lock)]
    for words in (["--require-hashes", *locks], ["--no-deps", builder[0]]):
        ran = subprocess.run([*pip, *words], capture_output=True, text=True, check=False)
        if ran.returncode:
            pytest.skip(f"pip cannot fetch what the service needs: {ran.stderr[-200:]}")


@pytest.fixture
def make_service(
    tmp_path: Path, mail_server: MailServer, database_server: Postgres | None
) -> Iterator[ServiceFactory]:
    """Makes services that are not started yet: `make_service(MAX_DAYS="10")`."""
    made: list[Service] = []
    with ExitStack() as until_the_end:

        def make(*, is_bare: bool = False, **own: str) -> Service:
            name = f"service-{len(made) + 1}"
            given = {"SMTP_URL": mail_server.url, **own}
            if "DATABASE_URL" not in own:
                given |= until_the_end.enter_context(
                    database_of_its_own(database_server, name, is_bare=is_bare)
                )
            if "BLOB_URL" not in own:
                given = {**until_the_end.enter_context(blobs_of_its_own()), **given}
            made.append(Service(tmp_path / name, **given))
            made[-1].is_bare = is_bare
            until_the_end.callback(made[-1].tear_down)
            return made[-1]

        yield make


@pytest.fixture
def service(make_service: ServiceFactory) -> Service:
    """One running installation, web and worker, that sends its mail to `mail_server`."""
    return make_service().start()


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory, database_server: Postgres | None) -> Iterator[Emptied]:
    """The service of a file, which each of its tests gets as if nobody had used it."""

    def start(until_then: ExitStack) -> SharedService:
        folder = tmp_path_factory.mktemp("emptied")
        return until_then.enter_context(start_shared_service(folder, database_server))

    made = Emptied(start)
    yield made
    made.close()


@pytest.fixture
def emptied_service(emptied: Emptied) -> Iterator[SharedService]:
    """One running installation, web and worker, that others have used: emptied, with its own mail server."""
    service = emptied.get()
    yield service
    assert "Traceback" not in service.log_text(), service.log_text()


@pytest.fixture
def web_only(make_service: ServiceFactory) -> Service:
    """A service that runs `web` only; a test runs the worker."""
    return make_service().start("web")


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Iterator[Any]:
    """Chromium: without its window, or with --full the whole browser."""
    try:
        with chromium.chromium(is_whole=pytestconfig.getoption("--full")) as opened:
            yield opened
    except chromium.ChromiumMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A Swedish reader's page; a script error or a request to another host fails the test."""
    with chromium.person(browser) as opened:
        yield opened


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """In a run of many processes each failure is named at once, as a run may be cut off before its end."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ and hasattr(report, "node"):
        print(f"\nFAILED so far: {report.nodeid} ({report.when})", flush=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With --failed-to FILE, the names of the tests that failed go there, one a line, for `bin/test`."""
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(installation.folder_of_run(), ignore_errors=True)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    target = session.config.getoption("--failed-to")
    if target and reporter and not hasattr(session.config, "workerinput"):
        failed = {
            report.nodeid for outcome in ("failed", "error") for report in reporter.stats.get(outcome, ())
        }
        Path(target).write_text("".join(f"{name}\n" for name in sorted(failed)), encoding="utf-8")
