"""Fixtures of the page tests: static files, a client inside and one outside, and a parser of pages."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from tests.pages.cases import INSIDE, OUTSIDE, Page


@pytest.fixture(scope="session", autouse=True)
def _static_files() -> None:
    """The pages name their stylesheet and scripts by the manifest, as in production."""
    call_command("collectstatic", verbosity=0, interactive=False)


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    """Every page may look something up."""


@pytest.fixture
def inside(client: Any) -> Any:
    """A client on this machine, which is the inside network of a test installation."""
    client.defaults["filsluss.client"] = INSIDE
    return client


@pytest.fixture
def outside(client: Any) -> Any:
    client.defaults["filsluss.client"] = OUTSIDE
    return client


@pytest.fixture
def read() -> Callable[[Any], Page]:
    return lambda response: Page(response.content.decode())
