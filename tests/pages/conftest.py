"""Fixtures of the page tests: a client inside and one outside, and a parser of pages."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.pages.cases import INSIDE, OUTSIDE, Page


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
