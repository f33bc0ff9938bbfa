"""Fixtures of the page tests: a client inside and one outside, and a parser of pages."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.pages.cases import INSIDE, OUTSIDE, Page
from tests.parts import administrators


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
def admin(inside: Any) -> Any:
    """A client that has signed in, and is led to the page that was asked for."""
    administrators.make_account("admin")
    there = "?next=/oversee/transfers/K7PM-4QXD"
    answer = administrators.through_the_pages(inside, name="admin", query=there)
    assert (answer.status_code, answer["Location"]) == (303, "/oversee/transfers/K7PM-4QXD")
    return inside


@pytest.fixture
def read() -> Callable[[Any], Page]:
    return lambda response: Page(response.content.decode())
