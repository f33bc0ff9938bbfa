"""One running service for each file, emptied between two tests."""

import pytest

from tests.parts.shared_service import SharedService


@pytest.fixture
def service(emptied_service: SharedService) -> SharedService:
    """One running installation, web and worker, that others have used: it has been emptied."""
    return emptied_service
