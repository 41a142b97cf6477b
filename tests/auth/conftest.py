"""One place, and its owner who is logged in."""

import pytest
from fastapi.testclient import TestClient

from support.auth_place import GOOD, OWN_PAGE, Place, answered


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def owner(place: Place) -> TestClient:
    """A client that is logged in, on a page of ours."""
    client = place.instance()
    answered(client.post("/api/auth/setup", json={"password": GOOD}))
    client.headers.update(OWN_PAGE)
    return client
