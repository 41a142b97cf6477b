"""SQL in whatever text a request holds is that text and nothing else; DuckDB itself reaches nothing but the store."""

import json
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import duckdb
import pytest

from mallard.engine.duckdb.database import Database
from mallard.store.local import LocalStore
from support.proof_people import SITE, People, now
from support.proof_table import Line, lines
from support.random_events import random_rows, store_rows

CANARY = "what nobody may read"
HARMLESS = "xqzvkw"
SQL = [
    "'",
    '"',
    "''",
    "\\'",
    "' OR '1'='1",
    "' OR 1=1 --",
    '" OR ""="',
    "') OR TRUE --",
    "/* */",
    "; DROP TABLE events; --",
    "' UNION SELECT * FROM read_csv('{canary}') --",
    "' UNION ALL SELECT content FROM read_text('/etc/passwd') --",
    "(SELECT content FROM read_text('{canary}'))",
    "read_csv('/etc/passwd')",
    "'; COPY (SELECT 1) TO '{canary}.out'; --",
    "'; ATTACH '{canary}.db'; --",
    "'; INSTALL httpfs; LOAD httpfs; --",
    "'; SET enable_external_access = true; --",
    "'; PRAGMA database_list; --",
    "$start",
    "$$",
    "?",
    "{{start}}",
    "{rows}",
    "%s%n%d",
    "\u02bc OR \uff071\uff07=\uff071",
    "1; SELECT pg_sleep(9)",
    "1e999",
    "NULL",
    "-1",
]
"""Each with the name of a file beside the store where it says ``{canary}``."""

ATTACKS_OF_A_PARAMETER = 4
"""All of them come up in each report, one in this parameter, one in that."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sql")
    (folder / "canary.csv").write_text(f"a\n{CANARY}\n")
    return folder


@pytest.fixture(scope="module")
def people(folder: Path) -> Iterator[People]:
    with People(folder / "data") as people:
        store_rows(people.store, random_rows(Random(7), 60, now()), 10_000, site_id=SITE)
        yield people


@pytest.fixture(scope="module")
def owner(people: People) -> dict[str, str]:
    return {**people.headers("Admin key"), "content-type": "application/json"}


PARTS = 3
"""Of the attacks, where each is tried in many places: `make test` has one of them."""


@pytest.fixture(scope="module")
def attacks(folder: Path) -> list[str]:
    return [each.replace("{canary}", str(folder / "canary.csv")) for each in SQL]


def reports() -> list[Line]:
    """What reads the table."""
    return [line for line in lines() if line.path.startswith("/api/stats/")]


def parameters(people: People, line: Line) -> list[str]:
    """The names of a report's parameters, by its OpenAPI."""
    path = line.path.replace("/pages", "/{dimension}")
    found = people.client.get("/openapi.json").json()["paths"][path]["get"]["parameters"]
    return [each["name"] for each in found if each["in"] == "query"]


def seen(people: People, owner: dict[str, str], target: str, text: str = "", body: str = "") -> tuple[int, str]:
    """Status and text of an answer, in which the text that was sent is a blank."""
    method, _, target = target.partition(" ")
    answer = people.ask(method, target, owner, content=body or None)
    assert answer.status_code < 500, (target, answer.text)
    assert CANARY not in answer.text
    assert "root:x:" not in answer.text
    return answer.status_code, answer.text if answer.status_code == 200 else ""


def untouched(people: People, owner: dict[str, str], folder: Path) -> tuple[str, list[str]]:
    """The numbers, and what lies beside the store."""
    numbers = seen(people, owner, f"GET /api/stats/main?site_id={SITE}&period=7d")[1]
    return numbers, sorted(str(each.relative_to(folder)) for each in folder.glob("*"))


@pytest.mark.heavy
@pytest.mark.parametrize("line", reports(), ids=str)
def test_sql_in_a_parameter_is_treated_as_text(
    people: People, owner: dict[str, str], attacks: list[str], folder: Path, line: Line
) -> None:
    before = untouched(people, owner, folder)
    base = f"{line.method} {line.target.replace('{site}', SITE)}"
    names = [name for name in parameters(people, line) if f"{name}=" not in base]
    rest = cycle(attacks)
    for name in names:
        harmless = seen(people, owner, f"{base}&{name}={HARMLESS}")
        for attack in islice(rest, max(ATTACKS_OF_A_PARAMETER, len(attacks) // len(names) + 1)):
            found = seen(people, owner, f"{base}&{name}={quote(attack, safe='')}")
            assert found == harmless or found[0] == 400, (name, attack)
    assert untouched(people, owner, folder) == before


def filters_with(text: str) -> Iterator[str]:
    """The text in every place of a filter that takes one."""
    dimensions = ("event:page", "event:hostname", "event:name", "visit:country", "visit:exit_page", "event:props:plan")
    yield json.dumps([["or", [["is", each, [text]] for each in dimensions]]])
    yield json.dumps([["contains_not", each, [text, "/z"], {"case_sensitive": False}] for each in dimensions])
    yield json.dumps([["is_not", f"event:props:{text}", ["pro"]], ["has_not_done", ["is", "event:page", [text]]]])
    yield json.dumps([["is", "event:goal", [text]]])


@pytest.mark.sampled(PARTS)
@pytest.mark.parametrize("part", range(PARTS))
def test_sql_in_a_filter_is_treated_as_text(
    people: People, owner: dict[str, str], attacks: list[str], folder: Path, part: int
) -> None:
    before = untouched(people, owner, folder)
    base = f"GET /api/stats/main?site_id={SITE}&period=7d&filters="
    harmless = [seen(people, owner, base + quote(each)) for each in filters_with(HARMLESS)]
    assert [status for status, _ in harmless] == [200, 200, 200, 400]
    for attack in attacks[part::PARTS]:
        found = [seen(people, owner, base + quote(each)) for each in filters_with(attack)]
        # Pages have a minus, a quote or a dash as little as they have the harmless text.
        assert found == harmless, attack
    assert untouched(people, owner, folder) == before


@pytest.mark.sampled(PARTS)
@pytest.mark.parametrize("operator", ["matches", "matches_not"])
@pytest.mark.parametrize("part", range(PARTS))
def test_sql_in_a_pattern_is_a_pattern_or_400(
    people: People, owner: dict[str, str], attacks: list[str], operator: str, part: int
) -> None:
    base = f"GET /api/stats/main?site_id={SITE}&period=7d&filters="
    for attack in attacks[part::PARTS]:
        assert seen(people, owner, base + quote(json.dumps([[operator, "event:page", [attack]]])))[0] in (200, 400)


def test_sql_as_an_operator_dimension_or_breakdown_is_400(
    people: People, owner: dict[str, str], attacks: list[str]
) -> None:
    base = f"/api/stats/main?site_id={SITE}&filters="
    for attack in attacks:
        for each in ([[attack, "event:page", ["/"]]], [["is", attack, ["/"]]], [["is", f"visit:{attack}", ["/"]]]):
            assert seen(people, owner, f"GET {base}{quote(json.dumps(each))}")[0] == 400
        path = f"GET /api/stats/breakdown/{quote(attack, safe='')}?site_id={SITE}"
        assert seen(people, owner, path)[0] in (400, 404)


def test_sql_in_a_goal_a_step_or_an_event_changes_no_other_number(
    people: People, owner: dict[str, str], attacks: list[str], folder: Path
) -> None:
    before = untouched(people, owner, folder)
    goals: list[Any] = [{"name": f"goal {n}", "event": attack} for n, attack in enumerate(attacks)]
    status, _ = seen(people, owner, f"PUT /api/sites/{SITE}", body=json.dumps({"goals": goals[:20]}))
    assert status in (200, 400)
    for attack in attacks:
        one = {"goals": [{"name": attack, "event": attack}, {"name": f"p {attack}", "page": f"/{attack}"}]}
        seen(people, owner, f"PUT /api/sites/{SITE}", body=json.dumps(one))
        asked = quote(json.dumps([["is", "event:goal", [attack]]]))
        assert seen(people, owner, f"GET /api/stats/main?site_id={SITE}&filters={asked}")[0] in (200, 400)
        steps = quote(f"page:/{attack},event:{attack}")
        assert seen(people, owner, f"GET /api/stats/funnel?site_id={SITE}&steps={steps}")[0] in (200, 400)
        event = {
            "d": "third.example",
            "n": attack,
            "u": f"/{attack}",
            "p": {attack: attack},
            "r": f"https://a/{attack}",
        }
        assert seen(people, owner, "POST /api/event", body=json.dumps(event))[0] == 202
    assert untouched(people, owner, folder) == before


def test_sql_in_event_texts_is_returned_unchanged(people: People, owner: dict[str, str], attacks: list[str]) -> None:
    for attack in attacks:
        event = {"d": "fourth.example", "n": attack, "u": "/", "p": {"said": attack}}
        agent = {**owner, "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
        assert people.ask("POST", "/api/event", agent, content=json.dumps(event)).status_code == 202
    base = "GET /api/stats/breakdown/events?site_id=fourth.example&limit=1000"
    found = json.loads(seen(people, owner, base)[1])
    assert {row["value"] for row in found} == {each.strip() or each for each in attacks}
    for attack in attacks:
        asked = quote(json.dumps([["is", "event:props:said", [attack]]]))
        assert [row["value"] for row in json.loads(seen(people, owner, f"{base}&filters={asked}")[1])] == [attack]


STATEMENTS = """
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_text('{folder}/canary.csv')
SELECT * FROM read_text('{folder}/data/../canary.csv')
SELECT * FROM read_text('{folder}/data-beside/canary.csv')
SELECT * FROM read_text('{folder}/data/link/canary.csv')
SELECT * FROM '{folder}/canary.csv'
SELECT * FROM glob('{folder}/*')
SELECT * FROM read_blob('/proc/self/environ')
SELECT * FROM read_parquet('http://127.0.0.1:9/a.parquet')
SELECT * FROM read_parquet('s3://bucket/a.parquet')
COPY (SELECT 1) TO '{folder}/written.csv'
EXPORT DATABASE '{folder}/exported'
ATTACH '{folder}/attached.db'
ATTACH ':memory:' AS other (TYPE sqlite)
INSTALL httpfs
INSTALL httpfs FROM 'http://127.0.0.1:9'
LOAD httpfs
LOAD '{folder}/canary.csv'
SET enable_external_access = true
SET lock_configuration = false
SET allowed_directories = ['/']
SET allowed_paths = ['/etc/passwd']
SET memory_limit = '100GB'
SET threads = 64
SET temp_directory = '{folder}'
SET extension_directory = '{folder}'
SET custom_extension_repository = 'http://127.0.0.1:9'
SET autoinstall_known_extensions = true
SET allow_unsigned_extensions = true
SET log_query_path = '{folder}/log'
RESET lock_configuration
PRAGMA enable_profiling = 'json'
PRAGMA profiling_output = '{folder}/profile'
SELECT getenv('HOME')
"""


@pytest.mark.parametrize("statement", STATEMENTS.strip().splitlines())
def test_database_reads_only_files_of_the_store_and_locks_its_settings(tmp_path: Path, statement: str) -> None:
    (tmp_path / "data-beside").mkdir()
    for place in (tmp_path, tmp_path / "data-beside"):
        (place / "canary.csv").write_text(CANARY)
    store = LocalStore(tmp_path / "data")
    database = Database(store, memory_mb=256, threads=1)
    (tmp_path / "data" / "link").symlink_to(tmp_path)
    before = sorted(tmp_path.glob("*"))
    try:
        with database.cursor() as cursor, pytest.raises(duckdb.Error):
            cursor.execute(statement.replace("{folder}", str(tmp_path))).fetchall()
    finally:
        database.close()
    assert sorted(tmp_path.glob("*")) == before


def test_database_reads_files_of_the_store(tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    store = LocalStore(tmp_path / "data")
    (tmp_path / "data" / "own.csv").write_text(f"a\n{CANARY}\n")
    database = Database(store, memory_mb=256, threads=1)
    with database.cursor() as cursor:
        assert cursor.execute("SELECT * FROM read_csv($file)", {"file": store.location("own.csv")}).fetchall() == [
            (CANARY,)
        ]
    database.close()
