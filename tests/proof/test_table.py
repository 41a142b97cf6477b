"""On every route, everybody is answered as the table says; and the table has every route there is."""

import asyncio
import json
import os
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from support.functions import Context, cold, request
from support.proof_people import PASSWORD, PUBLIC, SECRET, SITE, People, now
from support.proof_table import TEMPLATES, Line, lines, rules

RULES = rules()
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
QUEUED = {"DELETE /api/gdpr/erase": 202}
"""What the query function answers otherwise than the one process: an erasure there waits for the next flush."""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with People(tmp_path_factory.mktemp("table")) as people:
        yield people


@pytest.fixture(scope="module")
def handler(people: People) -> Iterator[Any]:
    """The query function over the same store."""
    settings = {
        "MALLARD_DATA_DIR": people.settings.data_dir,
        "MALLARD_ADMIN_PASSWORD": PASSWORD,
        "MALLARD_SECRET": SECRET,
        "MALLARD_QUERY_MEMORY_MB": "256",
        "MALLARD_SQL": "true",
    }
    with patch.dict(os.environ, settings):
        function = cold("query")
        yield function
        function.engine().close()
    asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)


def written_out(people: People, line: Line, who: str) -> tuple[str, str]:
    """The target and the body of a request, with a key and a link of its own to end."""
    target, site = line.target, PUBLIC if "public site" in who else SITE
    if "{key}" in target:
        target = target.replace("{key}", people.auth.keys.create("a", "ReadOnly", now())[1].key_hash)
    if "{slug}" in target:
        target = target.replace("{slug}", people.auth.links.create(SITE, "a", now()).slug)
    return target.replace("{site}", site), line.body.replace("{site}", site)


def expected(line: Line) -> dict[str, int]:
    return {who: line.status if cell == "ok" else int(cell) for who, cell in RULES[line.rule].items()}


@pytest.mark.parametrize("line", lines(), ids=str)
def test_every_identity_gets_the_status_of_the_route_table(people: People, line: Line) -> None:
    found = {}
    for who in RULES[line.rule]:
        target, body = written_out(people, line, who)
        headers = {"content-type": "application/json", "user-agent": "Mozilla/5.0 Firefox/128.0"}
        answer = people.ask(line.method, target, headers | people.headers(who), content=body or None)
        found[who] = answer.status_code
        if answer.status_code in (401, 403):
            assert set(answer.json()) <= {"error", "reason"}
    assert found == expected(line)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("line", [line for line in lines() if line.path.startswith(("/api", "/auth"))], ids=str)
def test_query_function_statuses_match_the_route_table(people: People, handler: Any, line: Line) -> None:
    if line.path in ("/api/event", "/api/events"):
        target, _ = written_out(people, line, "nobody")
        assert called(handler, line.method, target, "", {})["statusCode"] in (404, 405)
        return

    def log_in() -> str:
        answer = called(handler, "POST", "/api/auth/login", json.dumps({"password": PASSWORD}), {})
        token: str = json.loads(answer["body"])["token"]
        return token

    found = {}
    for who in RULES[line.rule]:
        target, body = written_out(people, line, who)
        answer = called(handler, line.method, target, body, people.headers(who, log_in))
        found[who] = answer["statusCode"]
    queued = QUEUED.get(f"{line.method} {line.path}", 200)
    assert found == {who: queued if status == 200 else status for who, status in expected(line).items()}


def called(handler: Any, method: str, target: str, body: str, headers: dict[str, str]) -> dict[str, Any]:
    """The answer to a call as API Gateway makes it: cookies in a list of their own."""
    path, _, query = target.partition("?")
    cookies = [headers[name] for name in ("cookie",) if name in headers]
    rest = {name: value for name, value in headers.items() if name != "cookie"}
    rest |= {"content-type": "application/json", "host": "localhost:8000"}
    event = request(method, path, body=body, query=query, headers=rest, cookies=cookies)
    answer: dict[str, Any] = handler.handle(event, Context())
    if answer["statusCode"] in (401, 403):
        assert set(json.loads(answer["body"])) == {"error"}
    return answer


def table_routes() -> set[str]:
    """The routes of the application that the table's lines are of."""
    found = set()
    for line in lines():
        of = [path for path, form in TEMPLATES.items() if re.fullmatch(form, line.path)]
        found.add(f"{line.method} {of[0] if of else line.path}")
    return found


def test_route_table_matches_the_routes_of_the_application(people: People) -> None:
    assert sorted(people.routes() - table_routes()) == []
    assert sorted(table_routes() - people.routes()) == []


def test_openapi_has_every_api_route_and_no_unused_response(people: People) -> None:
    described = people.client.get("/openapi.json").json()
    routes = {f"{method.upper()} {path}" for path, of in described["paths"].items() for method in of}
    api = {route for route in people.routes() if "/api/" in route and "/api/event" not in route}
    assert api <= routes <= people.routes()
    operations = [each for of in described["paths"].values() for each in of.values()]
    assert not any("422" in each["responses"] for each in operations)
    assert "ValidationError" not in json.dumps(described)


def test_route_table_covers_every_identity(people: People) -> None:
    everybody = set(RULES["open"])
    assert {line.rule for line in lines()} == set(RULES)
    for who in everybody:
        people.headers(who)
    assert set(people._kept) <= everybody


@pytest.mark.parametrize("who", ["nobody", "Admin key"])
def test_routes_refuse_other_methods(people: People, who: str) -> None:
    """A method that no line has finds nothing, whoever asks; a page's own OPTIONS finds no leave to ask."""
    known = table_routes()
    wrong = []
    for line in lines():
        of = [path for path, form in TEMPLATES.items() if re.fullmatch(form, line.path)]
        for method in METHODS:
            # HEAD is answered wherever GET is.
            if f"{method.replace('HEAD', 'GET')} {of[0] if of else line.path}" in known:
                continue
            target, body = written_out(people, line, who)
            headers = {"content-type": "application/json", **people.headers(who)}
            answer = people.ask(method, target, headers, content=body or None)
            if answer.status_code not in (404, 405) or "access-control-allow-credentials" in answer.headers:
                wrong.append((method, target, answer.status_code))
    assert wrong == []
