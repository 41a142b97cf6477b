"""Lengths of texts in the OpenAPI document: an operation refuses empty text where the document asks for a character."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from query.test_api import make_client
from support.open_access import auth_off
from support.place import NOW

NEEDED = {"site_id": "a.example", "steps": "page:/a,page:/b", "page": "/a"}
"""Values without which an operation refuses whatever else it is asked."""

MAY_BE_EMPTY = {"mode"}
BODIES = {
    "SetupGiven": {"password"},
    "LoginGiven": set(),
    "PasswordGiven": {"new"},
    "KeyGiven": {"name", "scope"},
    "LinkGiven": {"site_id", "name"},
    "ShareGiven": set(),
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    client, engine = make_client(tmp_path_factory.mktemp("empty"), auth_off())
    # Plausible's routes know no site without settings and events.
    engine.site_settings.change("a.example", {}, NOW)
    yield client
    engine.close()


def texts(document: dict[str, Any]) -> Iterator[tuple[str, str, set[str], dict[str, Any]]]:
    """Method, path, names of all query parameters, and one of them."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            given = [each for each in operation.get("parameters", []) if each["in"] == "query"]
            for parameter in given:
                yield method, path, {each["name"] for each in given}, parameter


def test_query_parameters_refuse_empty_values_as_described(client: TestClient) -> None:
    wrong, looked_at = [], 0
    for method, path, names, parameter in texts(client.app.openapi()):  # type: ignore[attr-defined]
        name = parameter["name"]
        needed = {key: value for key, value in NEEDED.items() if key in names and (key, name) != ("page", "event")}
        answer = client.request(method, path.replace("{dimension}", "pages"), params=needed | {name: ""})
        shortest = parameter["schema"].get("minLength", 0)
        looked_at += 1
        if (answer.status_code == 400) != (shortest == 1) or (shortest == 0) != (name in MAY_BE_EMPTY):
            wrong.append((method, path, name, answer.status_code, shortest))
    assert wrong == []
    assert looked_at > 60


def test_non_empty_body_texts_have_a_described_minimum_length(client: TestClient) -> None:
    shapes = client.app.openapi()["components"]["schemas"]  # type: ignore[attr-defined]
    found = {
        shape: {name for name, field in shapes[shape]["properties"].items() if field.get("minLength") == 1}
        for shape in BODIES
    }
    assert found == BODIES
