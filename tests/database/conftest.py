"""Fixtures of the upgrade tests: the kept installation of the version before, as it was and upgraded."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.parts import installation_before
from tests.parts.installation_before import InstallationBefore
from tests.parts.postgres import Postgres

LoadBefore = Callable[..., InstallationBefore]


@pytest.fixture(scope="module")
def load_before(
    tmp_path_factory: pytest.TempPathFactory, database_server: Postgres | None
) -> Iterator[LoadBefore]:
    """Loads copies of the kept installation, not upgraded yet: `load_before(SMTP_URL=…)`."""
    with ExitStack() as until_the_end:

        def load(**own: str) -> InstallationBefore:
            folder = tmp_path_factory.mktemp("before")
            if database_server:
                until_the_end.enter_context(database_server.database(folder.name))
            made = installation_before.load(folder / "data", server=database_server, name=folder.name, **own)
            until_the_end.callback(made.tear_down)
            return made

        yield load


@pytest.fixture(scope="module")
def copy_upgraded(
    tmp_path_factory: pytest.TempPathFactory, database_server: Postgres | None, load_before: LoadBefore
) -> Iterator[LoadBefore]:
    """Copies of one that was upgraded, once a file, and never started: `copy_upgraded(SMTP_URL=…)`."""
    original = load_before()
    original.run("migrate", "--verbosity", "0")
    with ExitStack() as until_the_end:

        def copy(**own: str) -> InstallationBefore:
            folder = tmp_path_factory.mktemp("upgraded")
            if database_server:
                template = original.env["FILSLUSS_DATABASE_URL"].rpartition("/")[2]
                own["DATABASE_URL"] = until_the_end.enter_context(
                    database_server.database(folder.name, template)
                )
            made = installation_before.copy(original, folder / "data", **own)
            until_the_end.callback(made.tear_down)
            return made

        yield copy


@pytest.fixture(scope="module")
def upgraded(copy_upgraded: LoadBefore) -> InstallationBefore:
    """Upgraded, with its pages running; no test changes it."""
    service = copy_upgraded()
    service.start("web")
    return service
