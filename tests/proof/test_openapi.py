"""The API does what its OpenAPI says, whatever it is asked: schemathesis over a real server."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as promises

from mallard.auth.api_keys import ApiKeys
from mallard.store.local import LocalStore
from support.proof_people import PASSWORD
from support.server import Server

pytestmark = pytest.mark.heavy

SITE = "example.com"
CASES = {"as described": 50, "against it": 15}
"""Of each operation, asked by each person: some 4,500 in all. What is against it takes long to make."""

LEAST = {"as described": 2400, "against it": 450}

PROMISES = [
    schemathesis.checks.not_a_server_error,
    promises.status_code_conformance,
    promises.content_type_conformance,
    promises.response_headers_conformance,
    promises.response_schema_conformance,
]
WAYS = {"as described": GenerationMode.POSITIVE, "against it": GenerationMode.NEGATIVE}
SENSIBLE: dict[str, list[Any]] = {
    "site_id": [SITE],
    "period": ["today", "7d", "month", "all", "realtime"],
    "filters": [json.dumps([["is", "event:page", ["/a"]]]), json.dumps([["not", ["contains", "event:page", ["b"]]]])],
    "compare": ["previous_period", "year_over_year"],
    "interval": ["hour", "day"],
    "limit": ["1", "1000"],
    "format": ["csv", "json", "parquet"],
    "what": ["days", "events"],
    "breakdowns": ["pages", "events,sources"],
    "breakdown": ["pages", "browsers"],
    "steps": ["page:/a,page:/b", "page:/**,event:pageview"],
    "window": ["1 hour", "2 days"],
    "weeks": ["4"],
    "pattern": ["(?1).*(?t<=3600)(?2)"],
    "details": ["true", "false"],
    "page": ["/a"],
    "event": ["signup"],
    "base": ["first_match", "last_match", "head", "tail"],
    "exits": ["true"],
    "direction": ["forward", "backward"],
    "depth": ["3"],
    "dimension": ["pages", "entry_pages", "countries"],
}
"""Values that a search by chance does not find, so that it gets as far as numbers."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("openapi") / "data"
    given = {"MALLARD_AUTH": "on", "MALLARD_ADMIN_PASSWORD": PASSWORD, "MALLARD_LOG_LEVEL": "warning"}
    with Server(data, **given) as server:
        for page in ("/a", "/a", "/b"):
            assert server.send(u=page) == 202
        yield server


@pytest.fixture(scope="module")
def schema(server: Server) -> Any:
    # Who asks is the person's to show, and no chance's.
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    return schemathesis.openapi.from_url(f"{server.origin}/openapi.json", config=config)


@pytest.fixture(scope="module")
def people(server: Server) -> Iterator[dict[str, requests.Session]]:
    """Those who ask the server: each case is made once and asked by all of them."""
    with ExitStack() as opened:
        found = {scope: opened.enter_context(requests.Session()) for scope in ("Admin", "ReadOnly", "nobody")}
        ring = ApiKeys(LocalStore(server.data))
        for scope in ("Admin", "ReadOnly"):
            found[scope].headers["x-api-key"] = ring.create("a", scope, datetime.now(UTC))[0]
        yield found


@pytest.mark.parametrize("way", WAYS)
def test_operations_respond_as_described_in_openapi(schema: Any, people: dict[str, requests.Session], way: str) -> None:
    asked = 0
    failures: dict[str, str] = {}
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=CASES[way], derandomize=True, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=WAYS[way]), sense=st.randoms(use_true_random=False))
        def ask(case: Any, sense: Any) -> None:
            nonlocal asked
            give_sense(case, sense)
            for person, session in people.items():
                asked += 1
                note(person)
                case.validate_response(case.call(session=session), checks=PROMISES)

        try:
            ask()
        except Unsatisfiable:
            # Whatever text there is fits it.
            assert way == "against it"
        except Exception as failure:
            failures[operation.label] = str(failure)
    assert not failures, "\n".join(failures.values())
    print(way, asked)
    assert asked > LEAST[way]


def give_sense(case: Any, random: Any) -> None:
    """Replace some of what a case asks by what makes sense: by chance nobody says a period."""
    for place in (case.query, case.path_parameters):
        for name in place or {}:
            if name in SENSIBLE and random.random() < 0.7:
                place[name] = random.choice(SENSIBLE[name])
