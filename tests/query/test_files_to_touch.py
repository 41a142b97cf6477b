"""Checks of the file lists in docs/architecture.md, "To add a feature"."""

import re
from pathlib import Path

import pytest

from mallard.engine.sql.count_select import count_select
from mallard.stats.dimensions import BY_V2_NAME, DIMENSIONS, END_HOSTNAMES, OF_EVENTS, OF_VISITS, SEED_NAMES
from mallard.stats.metrics import MEASURES
from mallard.stats.visit import VISIT_GAP

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "common" / "mallard"
SECTION = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("## To add")[2].partition("\n## ")[0]
ROWS = dict(re.findall(r"^\| (an? .+?) \| (.+) \|$", SECTION, re.MULTILINE))
MOST_FILES = {
    "a metric over existing measures": 4,
    "a metric with a new measure": 6,
    "a dimension over an existing column": 2,
    "a kind of the [query API](query-api.md#kinds)": 4,
    "a filter operator": 4,
    "a maintenance job": 1,
}


def files_of(row: str) -> list[str]:
    return [each for each in re.findall(r"`([^`]+)`", ROWS[row]) if each.endswith((".py", ".sql", ".js"))]


@pytest.mark.parametrize("row", MOST_FILES)
def test_each_addition_touches_few_files_and_all_are_there(row: str) -> None:
    files = files_of(row)
    assert 0 < len(set(files)) <= MOST_FILES[row]
    for file in files:
        assert (PACKAGE / file).exists() or (ROOT / file).exists(), file


@pytest.mark.parametrize("row", ROWS)
def test_each_named_table_stands_in_the_file_before_it(row: str) -> None:
    for file, name in re.findall(r"`([^`]+\.py)` \(`(\w+)`", ROWS[row]):
        assert re.search(rf"^(class |def )?{name}\b", (PACKAGE / file).read_text("utf-8"), re.MULTILINE), (file, name)


def test_columns_and_words_of_dimensions_stand_in_one_file() -> None:
    """But for the table's schema, and for the files that derive or normalize the values."""
    columns = {each.column for each in DIMENSIONS.values()} - {"event_name", "pathname", "os"}
    for room in ("stats", "engine", "reports"):
        for file in (PACKAGE / room).rglob("*.*"):
            if file.suffix in (".py", ".sql") and file.name != "dimensions.py":
                found = set(re.findall(r"""["'](\w+)["']""", file.read_text("utf-8"))) & columns
                assert not found - {"utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"}, (
                    file,
                    found,
                )


def test_names_of_dimensions_are_derived_from_one_table() -> None:
    assert set(BY_V2_NAME) == ({*OF_EVENTS, *OF_VISITS} - {"event:goal"})
    more = {*END_HOSTNAMES, "visit:region_name", "visit:city_name"}
    assert set(SEED_NAMES.values()) == set(BY_V2_NAME) - more


def test_every_measure_is_selected_from_its_definition() -> None:
    sql = count_select("total", tuple(MEASURES.values()))
    for measure in MEASURES.values():
        assert f"{measure.of_events or measure.of_visits} AS {measure.name}" in sql


def test_half_hour_of_a_visit_stands_once() -> None:
    minutes = int(VISIT_GAP.total_seconds() // 60)
    numbers = re.compile(rf"\b({minutes} MINUTE|{minutes * 60_000}|{minutes * 60}000|minutes={minutes})\b")
    files = [each for room in ("stats", "engine", "reports", "maintenance") for each in (PACKAGE / room).rglob("*.*")]
    known = [each for each in files if each.suffix in (".py", ".sql") and numbers.search(each.read_text("utf-8"))]
    assert [each.name for each in known] == ["visit.py"]


@pytest.mark.parametrize("room", ["stats", "reports", "api", "maintenance"])
def test_duckdb_is_unknown_outside_its_engine(room: str) -> None:
    for file in (PACKAGE / room).rglob("*.py"):
        if file.name != "export_formats.py":
            assert not re.search(r"^\s*(import duckdb|from mallard\.engine\.duckdb)", file.read_text("utf-8"), re.M), (
                file
            )
