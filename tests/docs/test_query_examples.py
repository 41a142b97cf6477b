"""The queries of docs/query-api.md are answered."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.stats.dimensions import BY_V2_NAME
from mallard.stats.grouping import TIMES
from mallard.stats.metric_formulas import QUERY_METRICS
from mallard.stats.query_body import INCLUDED, KEYS
from mallard.stats.query_kinds import KINDS
from mallard.stats.query_range import MODES, WORDS
from mallard.store.local import LocalStore
from support.open_access import auth_off, one_address
from support.place import DAYS, NOW, Place

PAGE = (Path(__file__).parents[2] / "docs" / "query-api.md").read_text("utf-8")
EXAMPLES = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    place = Place(LocalStore(tmp_path_factory.mktemp("table")))
    place.write(DAYS[0], 1, 2, 3)
    app = create_app(
        engine=lambda: place.engine,
        sites=lambda: ["example.com"],
        clock=lambda: NOW,
        erase=lambda *_: None,  # type: ignore[arg-type]
        auth=auth_off(),
        address_of=one_address,
    )
    yield TestClient(app)
    place.engine.close()


@pytest.mark.parametrize("query", EXAMPLES, ids=lambda query: str(list(query)))
def test_example_is_answered_as_it_is_described(client: TestClient, query: dict[str, Any]) -> None:
    answer = client.post("/api/v2/query", json=query)
    assert answer.status_code == 200, answer.text
    if "format" in query:
        assert answer.headers["content-disposition"].startswith('attachment; filename="example.com-query-')
        return
    asked = next(name for name in ("metrics", *KINDS) if name in query)
    assert answer.json()["query"][asked] == query[asked]


def test_page_names_all_metrics_dimensions_and_ranges() -> None:
    missing = [
        name
        for name in (*BY_V2_NAME, *TIMES, *QUERY_METRICS, *MODES, *WORDS, *KEYS, *INCLUDED)
        if f"`{name}`" not in PAGE
    ]
    assert missing == []
