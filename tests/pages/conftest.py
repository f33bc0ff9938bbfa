"""What the tests of the pages ask for: a dressed house, somebody at its door, and a way to read a page."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from tests.pages.cases import ELSEWHERE, HERE, Page


@pytest.fixture(scope="session", autouse=True)
def _dressed() -> None:
    """The pages name their sheet and scripts by the manifest, as they do in service."""
    call_command("collectstatic", verbosity=0, interactive=False)


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    """Every page may look something up."""


@pytest.fixture
def here(client: Any) -> Any:
    """Somebody at this machine, which is the inside network of a test installation."""
    client.defaults["filsluss.client"] = HERE
    return client


@pytest.fixture
def elsewhere(client: Any) -> Any:
    client.defaults["filsluss.client"] = ELSEWHERE
    return client


@pytest.fixture
def read() -> Callable[[Any], Page]:
    return lambda response: Page(response.content.decode())
