"""A row of a breakdown handed back as a filter gives the row's numbers, whatever its text reads like."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.reports.behaviour.sequences import read_sequence, sequences_by
from mallard.reports.standard_reports import Scope, Stats
from mallard.sites.settings_store import SiteSettingsStore
from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import DIMENSIONS, SEED_NAMES, blank_words
from mallard.stats.filters import parse_filters
from mallard.store.local import LocalStore
from support.random_events import SITE, store_rows
from support.reference import Row
from support.rollups import roll_up

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
RANGE = DateRange(NOW.date() - timedelta(days=3), NOW.date() + timedelta(days=1))
TEXTS = (
    None,
    "(unknown)",
    "(not set)",
    "(none)",
    "Direct",
    "Direct / None",
    "(Not Set)",
    "",
    "%_'\"\\,",
)
COLUMNS = sorted({each.column for each in DIMENSIONS.values()})


def awkward_rows(random: Random, count: int) -> list[Row]:
    """Two days of visitors, and some without, whose values are all of TEXTS."""
    rows: list[Row] = []
    for event_id in range(1, count + 1):
        moment = (NOW - timedelta(minutes=random.randrange(2 * 1440))).replace(tzinfo=None)
        values: Row = {column: random.choice(TEXTS) for column in COLUMNS}
        values["event_name"] = random.choice(["pageview", "pageview", "(not set)", "(unknown)", "signup"])
        plan = random.choice(TEXTS)
        values |= {
            "event_id": event_id,
            "visitor_id": random.choice([None, moment.toordinal() * 100 + random.randrange(30)]),
            "timestamp": moment,
            "props": None if plan is None else json.dumps({"plan": plan}),
        }
        rows.append(values)
    return rows


@pytest.fixture(scope="module")
def stats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stats]:
    store = LocalStore(tmp_path_factory.mktemp("store"))
    store_rows(store, awkward_rows(Random(3), 300), seal_rows=500)
    goals = [
        {"name": "No plan", "event": "signup", "props": {"plan": "(none)"}},
        {"name": "Nameless", "event": "(not set)"},
    ]
    SiteSettingsStore(store).change(SITE, {"goals": goals}, NOW)
    engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    yield Stats(engine, NOW)
    engine.close()


@pytest.fixture(scope="module")
def breakdowns(stats: Stats) -> dict[str, Any]:
    """All of them, as counted from the events and from rollups."""
    counted = stats.overview(Scope(SITE, RANGE), 1000, tuple(DIMENSIONS))
    assert roll_up(stats, NOW) == 2
    rolled = stats.overview(Scope(SITE, RANGE), 1000, tuple(DIMENSIONS))
    assert rolled.counted["rollup_days"] == 2
    assert (rolled.main, rolled.breakdowns) == (counted.main, counted.breakdowns)
    return counted.breakdowns


def numbers(stats: Stats, *filters: Any) -> tuple[int, int, int]:
    """Visitors, page views and events."""
    main = stats.main(Scope(SITE, RANGE, parse_filters(json.dumps(filters))))
    return main["unique_visitors"], main["total_pageviews"], main["events"]


def plus(*parts: tuple[int, int, int]) -> tuple[int, ...]:
    """Page views and events, which add up."""
    return tuple(sum(part[at] for part in parts) for at in (1, 2))


@pytest.mark.sampled(8, 1)
@pytest.mark.parametrize("name", DIMENSIONS)
def test_breakdown_row_as_a_filter_gives_its_own_numbers(stats: Stats, breakdowns: dict[str, Any], name: str) -> None:
    words, rows = blank_words(SEED_NAMES[name]), breakdowns[name]
    (missing,) = (row for row in rows if row["value"] in words)
    assert sum(row["pageviews"] for row in rows) == numbers(stats)[1]
    for row in rows:
        assert numbers(stats, ["is", name, [row["value"]]])[:2] == (row["visitors"], row["pageviews"]), row
    for word in words:
        assert numbers(stats, ["is", name, [word]])[:2] == (missing["visitors"], missing["pageviews"])


SOME = ("pages", "sources", "channels", "cities", "entry_pages", "event:props:plan")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", SOME)
def test_filter_and_its_opposite_add_up_to_everything(stats: Stats, name: str) -> None:
    everything = plus(numbers(stats))
    there = plus(numbers(stats, ["is_not", name, ["(none)"]]))
    for operator, text in (("is", "(not set)"), ("is", "Direct"), ("contains", "not"), ("matches", "^[(]|^$")):
        both = plus(numbers(stats, [operator, name, [text]]), numbers(stats, [f"{operator}_not", name, [text]]))
        assert both == (there if name.startswith("event:props:") and operator != "is" else everything)


@pytest.mark.parametrize("name", sorted({*SOME} - {"channels"}))
def test_placeholder_of_a_missing_value_is_not_matched_by_a_part(stats: Stats, name: str) -> None:
    words = blank_words(SEED_NAMES.get(name, name))
    is_missing = ["is", name, sorted(words)[:1]]
    for word in words:
        pattern = word.replace("(", "[(]").replace(")", "[)]")
        parts = (
            ["contains", name, [word]],
            ["contains", name, [word.upper()], {"case_sensitive": False}],
            ["matches", name, [f"^{pattern}$"]],
        )
        assert numbers(stats, is_missing, ["or", parts])[2] == 0


@pytest.mark.parametrize("name", SOME)
def test_placeholder_of_a_missing_value_is_case_insensitive_on_request(stats: Stats, name: str) -> None:
    words = sorted(blank_words(SEED_NAMES.get(name, name)))
    exact = numbers(stats, ["is", name, words[:1]])
    loose = numbers(stats, ["is", name, [words[0].upper()], {"case_sensitive": False}])
    others = ["(Not Set)"] if "(not set)" in words else words[:1]
    assert loose == numbers(stats, ["is", name, [words[0], *others]])
    assert loose[2] >= exact[2] > 0


def test_missing_channel_is_found_by_its_name(stats: Stats) -> None:
    direct = numbers(stats, ["is", "channels", ["Direct"]])
    others = ["is_not", "channels", ["Direct / None"]]
    assert numbers(stats, ["contains", "channels", ["Dir"]], others) == direct
    assert numbers(stats, ["matches", "channels", ["^direct$"], {"case_sensitive": False}]) == direct
    assert numbers(stats, ["contains_not", "channels", ["Dir"]], ["is", "channels", ["Direct"]])[2] == 0


def test_property_filter_none_matches_missing_properties(stats: Stats) -> None:
    without = numbers(stats, ["is", "event:props:plan", ["(none)"]])
    assert without[2] + numbers(stats, ["is_not", "event:props:plan", ["(none)"]])[2] == numbers(stats)[2]
    signups = numbers(stats, ["is", "event:name", ["signup"]], ["is", "event:props:plan", ["(none)"]])
    assert numbers(stats, ["is", "event:goal", ["No plan"]]) == signups
    assert numbers(stats, ["is", "event:goal", ["Nameless"]]) == numbers(stats, ["is", "events", ["(unknown)"]])


def test_sequence_breakdown_has_one_row_for_missing_values(stats: Stats) -> None:
    wanted = read_sequence('[{"event": "pageview"}, {"event": "signup"}]', None)
    for name in ("sources", "cities", "entry_pages"):
        rows = sequences_by(stats, Scope(SITE, RANGE), wanted, name, 1000)
        totals = {row["value"]: row["visitors"] for row in stats.breakdown(Scope(SITE, RANGE), name, 1000)}
        assert {row["value"]: row["total_visitors"] for row in rows} == totals
        assert sum(row["converting_visitors"] for row in rows) > 0
        for row in rows:
            scope = Scope(SITE, RANGE, parse_filters(json.dumps([["is", name, [row["value"]]]])))
            (only,) = (each for each in sequences_by(stats, scope, wanted, name, 1000) if each["value"] == row["value"])
            assert only == row
