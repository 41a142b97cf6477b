"""Routes that are built with the first request below their paths."""

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from mallard.api.application import Application
from mallard.api.error_responses import add_error_responses


class Late:
    """An application with late routes, and how often they were built."""

    def __init__(self, paths: tuple[str, ...] = ("/late/",)) -> None:
        self.builds = 0
        self.app = Application(outer=())
        self.app.add_late_routes(paths, self._build)
        add_error_responses(self.app)
        self.client = TestClient(self.app)

    def _build(self) -> list[APIRouter]:
        self.builds += 1
        router = APIRouter(prefix="/late")

        @router.get("/{name}")
        def read(name: str) -> str:
            return name

        @router.post("/{name}")
        def write(name: str) -> str:
            return name.upper()

        return [router]


def test_first_request_below_the_path_builds_the_routes_once() -> None:
    late = Late()
    answers = [late.client.get("/late/a").json(), late.client.post("/late/b").json(), late.client.get("/late/c").json()]
    assert (answers, late.builds) == (["a", "B", "c"], 1)


def test_wrong_method_and_path_are_answered_as_of_other_routes() -> None:
    late = Late()
    answer = late.client.delete("/late/a")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert late.client.get("/late/a/b").status_code == 404


def test_description_has_late_routes() -> None:
    assert set(Late().app.openapi()["paths"]["/late/{name}"]) == {"get", "post"}


def test_routes_outside_their_paths_are_a_fault() -> None:
    with pytest.raises(AssertionError, match="begin with none of"):
        _ = Late(("/elsewhere/",)).app.routes
