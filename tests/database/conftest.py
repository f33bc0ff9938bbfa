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
def upgraded(load_before: LoadBefore) -> InstallationBefore:
    """Upgraded, with its pages running; no test changes it."""
    service = load_before()
    service.run("migrate", "--verbosity", "0")
    service.start("web")
    return service
