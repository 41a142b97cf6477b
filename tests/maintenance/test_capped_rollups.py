"""Rollups that keep some values of a day: answers stay exact, files bounded, and kept counts say what they lack."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.engine.base import PENDING
from mallard.engine.duckdb.day_counts import RollupBounds
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.duckdb.group_sums import GroupSums
from mallard.engine.omitted_files import OmittedSegment, noting
from mallard.errors import QueryTooLargeError
from mallard.maintenance.data_retention import DataRetention, retain
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.behaviour.sequences import read_sequence, sequences_by
from mallard.reports.behaviour.sessions import sessions_by
from mallard.reports.preset_counts import count_presets
from mallard.reports.report_export import Export, download
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import DIMENSIONS
from mallard.stats.filters import Leaf
from mallard.stats.query import Query
from mallard.store.local import LocalStore
from mallard.table import rollup_file
from mallard.table.layout import Partition
from mallard.table.rollup import TOTAL, rollup_key
from mallard.table.rollup_file import open_rollup
from mallard.table.writer import TableWriter
from support.new_values import fill, measured
from support.open_access import auth_off, one_address
from support.place import DAYS, NOW, SITE, TODAY, Place, noon_ms
from support.random_events import random_rows, store_rows
from support.rollups import decode_rollup, encode_old_rollup
from support.rows import deliveries, event

THREE = RollupBounds(values=3)
RANGE = DateRange(TODAY - timedelta(days=6), TODAY + timedelta(days=1))
KEY = rollup_key(SITE, TODAY.replace(day=1))
KEEPING = DataRetention(days=1, keep_rollups=True)
SOURCES = ("(other)", "a", "b", "c", "d", "e")


class Capped(Place):
    """A table whose rollups keep three values."""

    def __init__(self, store: LocalStore) -> None:
        super().__init__(store)
        self.engine.close()
        self.engine = self.open()

    def open(self) -> DuckDBEngine:
        return DuckDBEngine(self.store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1, bounds=THREE)

    def rows(self) -> pa.Table:
        stored = self.store.get(KEY)
        assert stored is not None
        found = decode_rollup(stored.data)
        assert found is not None
        return found

    def fill(self, day: date) -> None:
        """Six visitors of the first source, one of the last, and of the last three pages one and the same."""
        seen = [(at * 10 + each, f"/{at}", source) for at, source in enumerate(SOURCES) for each in range(6 - at)]
        seen += [(0, f"/rare{number}", SOURCES[0]) for number in range(3)]
        given = [
            event(
                day.toordinal() * 100 + number,
                date=day.isoformat(),
                timestamp=noon_ms(day) + number,
                accepted_ms=noon_ms(day) + number,
                visitor_id=day.toordinal() * 100 + visitor,
                pathname=page,
                referrer_source=source,
            )
            for number, (visitor, page, source) in enumerate(seen)
        ]
        TableWriter(self.store, seal_rows=10).append(Partition(SITE, day), deliveries(given))

    def close(self) -> None:
        self.engine.close()


@pytest.fixture
def capped(tmp_path: Path) -> Iterator[Capped]:
    """Six sources and nine pages on each of three closed days and today."""
    place = Capped(LocalStore(tmp_path))
    for day in DAYS:
        place.fill(day)
    with closing(place):
        yield place


def everything(engine: DuckDBEngine, period: DateRange = RANGE, before: DateRange | None = None) -> dict[str, Any]:
    stats, scope = Stats(engine, NOW), Scope(SITE, period, before=before)
    found = stats.overview(scope, 1000, tuple(DIMENSIONS))
    sessions = sessions_by(stats, scope, "sources", 10)
    return {"main": found.main, "series": found.timeseries, "sessions": sessions, **found.breakdowns}


def test_reports_are_the_same_when_duckdb_adds_up_their_counts(capped: Capped, monkeypatch: pytest.MonkeyPatch) -> None:
    before = DateRange(DAYS[0], DAYS[2])
    expected = [everything(capped.engine, RANGE, before), everything(capped.engine, before)]
    monkeypatch.setattr(GroupSums, "_are_few", lambda _: False)
    capped.build()
    assert [everything(capped.engine, RANGE, before), everything(capped.engine, before)] == expected


def test_breakdown_without_a_limit_is_refused_for_too_many_values(
    capped: Capped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mallard.engine.duckdb.group_sums.MAX_ROWS", 5)
    query = Query(SITE, RANGE, ("visitors",), "sources")
    with pytest.raises(QueryTooLargeError, match="over 5 rows"):
        count_presets(capped.engine, [query])
    assert len(count_presets(capped.engine, [replace(query, limit=6)]).rows[0]) == 6


@pytest.mark.sampled(4, 1)
@pytest.mark.parametrize("seed", range(4))
def test_reports_equal_those_of_the_events_when_days_are_capped(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    rows = random_rows(random, 300, NOW)
    words = [random.choice("ABCDEFG") for _ in rows]
    store = LocalStore(tmp_path)
    given = [{**row, "utm_source": word, "city": word * 2} for row, word in zip(rows, words, strict=True)]
    store_rows(store, given, seal_rows=40)
    before = DateRange(TODAY - timedelta(days=5), TODAY - timedelta(days=3))
    periods = [(RANGE, before), (DateRange(TODAY - timedelta(days=2), TODAY), before), (RANGE, None)]
    nothing = PENDING.empty_table()
    with closing(DuckDBEngine(store, lambda _: nothing, memory_mb=256, threads=1, bounds=THREE)) as engine:
        expected = [everything(engine, *each) for each in periods]
        assert build_rollups(store, engine, NOW).days == 5
        assert [everything(engine, *each) for each in periods] == expected
        limited = Stats(engine, NOW).breakdown(Scope(SITE, RANGE), "utm_source", 4)
        assert limited == [{key: row[key] for key in row if key != "previous"} for row in expected[0]["utm_source"][:4]]


def test_capped_days_are_counted_from_events_for_the_capped_dimensions_only(capped: Capped) -> None:
    capped.build()
    stats, scope = Stats(capped.engine, NOW), Scope(SITE, RANGE)
    whole = stats.overview(scope, 10, ("browsers",)).counted
    assert (whole["rollup_days"], whole["capped_days"]) == (3, 0)
    with_sources = stats.overview(scope, 10, ("browsers", "sources")).counted
    assert (with_sources["rollup_days"], with_sources["event_days"], with_sources["capped_days"]) == (3, 1, 3)
    assert with_sources["files"] > whole["files"]


def test_rest_row_of_a_day_adds_up_to_its_total_and_distinct_visitors(capped: Capped) -> None:
    capped.build()
    rows = capped.rows()
    for name in ("sources", "pages"):
        of_day = rows.filter(pc.and_(pc.equal(rows["dimension"], name), pc.equal(rows["date"], DAYS[0])))
        total = rows.filter(pc.and_(pc.equal(rows["dimension"], TOTAL), pc.equal(rows["date"], DAYS[0])))
        assert of_day["is_rest"].to_pylist().count(True) == 1
        assert of_day.num_rows == 4
        for measure in ("pageviews", "events"):
            assert pc.sum(of_day[measure]) == pc.sum(total[measure])
        if name == "pages":
            # Of three pages it is one visitor, who saw another one too.
            assert of_day.filter(of_day["is_rest"])["visitors"].to_pylist() == [3 + 2 + 1 + 1]


def test_rollup_file_is_bounded_in_rows_and_bytes_for_many_long_values(tmp_path: Path) -> None:
    place = Capped(LocalStore(tmp_path))
    random = Random(1)
    place.engine._bounds = RollupBounds(values=5, value_bytes=2000)
    for number in range(60):
        text = "".join(chr(random.randrange(0x4E00, 0x9FFF)) for _ in range(number * 3))
        place.write(DAYS[0], number + 1, seal_rows=1000, referrer=f"https://{text}", utm_term=text)
    place.build()
    rows = place.rows()
    for name in ("referrers", "utm_term"):
        kept = rows.filter(pc.and_(pc.equal(rows["dimension"], name), pc.invert(rows["is_rest"])))
        assert 0 < kept.num_rows <= 5
        assert (pc.sum(pc.binary_length(kept["value"])).as_py() or 0) <= 2000
    stored = place.store.get(KEY)
    assert stored is not None
    assert len(stored.data) < 20_000
    place.close()


@pytest.fixture
def kept(capped: Capped) -> Capped:
    """The first day's counts are kept, its events gone."""
    capped.build()
    while retain(capped.store, KEEPING, NOW, max_deletes=1000):
        pass
    return capped


def test_kept_rollups_show_the_rest_as_a_marked_last_row(kept: Capped) -> None:
    day = DateRange(DAYS[0], DAYS[0] + timedelta(days=1))
    stats = Stats(kept.engine, NOW)
    rows = stats.breakdown(Scope(SITE, day), "sources", 2)
    assert len(rows) == 3
    assert rows[-1]["value"] == "(other)"
    assert rows[-1]["other"] is True
    assert [row for row in rows[:-1] if "other" in row] == []
    whole = stats.breakdown(Scope(SITE, day), "sources", 10)
    assert sum(row["pageviews"] for row in whole) == stats.main(Scope(SITE, day))["total_pageviews"] == 24
    assert [row.get("other") for row in whole] == [None, None, None, True]


def test_value_named_other_is_a_separate_row(kept: Capped) -> None:
    rows = Stats(kept.engine, NOW).breakdown(Scope(SITE, RANGE, before=RANGE), "sources", 10)
    named = [row for row in rows if row["value"] == "(other)"]
    assert [row.get("other") for row in named] == [None, True]
    # The same range beside itself.
    assert all(row["previous"] == {name: row[name] for name in ("visitors", "pageviews")} for row in rows)


def test_totals_series_and_csv_are_exact_from_kept_rollups(kept: Capped) -> None:
    stats = Stats(kept.engine, NOW)
    assert stats.main(Scope(SITE, RANGE))["events"] == 4 * 24
    series = {row["date"]: row["pageviews"] for row in stats.timeseries(Scope(SITE, RANGE))}
    assert [series[day.isoformat()] for day in DAYS] == [24] * 4
    csv = b"".join(download(stats, Export(Scope(SITE, RANGE), "days", "csv", bom=False)).pieces).decode()
    assert [line.split(",")[6] for line in csv.splitlines() if line[:10] in map(str, DAYS)] == ["24"] * 4


def test_filters_and_rates_exclude_days_with_rollups_only(kept: Capped) -> None:
    stats = Stats(kept.engine, NOW)
    filtered = stats.breakdown(Scope(SITE, RANGE, Leaf("is", "visit:source", ("a",))), "sources", 10)
    assert [(row["value"], row.get("other")) for row in filtered] == [("a", None)]
    wanted = read_sequence("page:/1,page:/2", None)
    by_source = sequences_by(stats, Scope(SITE, RANGE), wanted, "sources", 10)
    assert {row["value"] for row in by_source} <= set(SOURCES)


def test_http_response_marks_the_rest_row(kept: Capped) -> None:
    def nothing_erased(*_: Any) -> Any:
        raise AssertionError

    app = create_app(
        engine=lambda: kept.engine,
        sites=lambda: [SITE],
        clock=lambda: NOW,
        erase=nothing_erased,
        auth=auth_off(),
        address_of=one_address,
    )
    dates = {"start_date": str(DAYS[0]), "end_date": str(RANGE.end), "site_id": SITE}
    client = TestClient(app)
    rows = client.get("/api/stats/breakdown/sources", params=dates).json()
    assert [row.get("other") for row in rows] == [None] * (len(rows) - 1) + [True]
    overview = client.get("/api/stats/overview", params={**dates, "breakdowns": "sources"}).json()
    assert overview["counted"]["capped_days"] == 2
    assert overview["breakdowns"]["sources"] == rows
    sessions = client.get("/api/stats/sessions", params={**dates, "breakdown": "sources"}).json()
    assert sessions[-1]["other"] is True
    assert "other" not in sessions[0]


def damage_group(place: Place, dimension: str) -> None:
    """Flip a bit in the middle of a dimension's row group."""
    stored = place.store.get(KEY)
    assert stored is not None
    file = open_rollup(stored.data)
    assert file is not None
    (group,) = [each for each in file._groups or () if dimension in each.dimensions]
    data = bytearray(stored.data)
    data[(group.begin + group.end) // 2] ^= 4
    place.store.put_if_match(KEY, bytes(data), stored.etag)


def test_damaged_row_group_is_rejected_and_others_still_answer(
    capped: Capped, caplog: pytest.LogCaptureFixture
) -> None:
    expected = everything(capped.engine)
    with patch.object(rollup_file, "PACKED_ROWS", 0):
        capped.build()
    damage_group(capped, "browsers")
    with closing(capped.open()) as engine:
        stats, scope = Stats(engine, NOW), Scope(SITE, RANGE)
        assert stats.overview(scope, 10, ("countries",)).counted["rollup_days"] == 3
        assert not caplog.messages
        assert stats.overview(scope, 10, ("browsers",)).counted["rollup_days"] == 0
        assert everything(engine) == expected
    assert [KEY in each for each in caplog.messages] == [True]
    assert capped.build() == 3
    assert everything(capped.engine) == expected


def test_damaged_row_group_of_kept_rollups_is_reported_as_incomplete(kept: Capped) -> None:
    stored = kept.store.get(KEY)
    assert stored is not None
    with patch.object(rollup_file, "PACKED_ROWS", 0):
        file = rollup_file.open_whole(stored.data)
        assert file is not None
        data = rollup_file.write_rollup(file.dimensions, lambda name: file.rows(name))
    kept.store.put_if_match(KEY, data, stored.etag)
    damage_group(kept, "sources")
    with closing(kept.open()) as engine, noting() as omitted:
        rows = Stats(engine, NOW).breakdown(Scope(SITE, RANGE), "sources", 10)
        assert [row for row in rows if "other" in row] == []
    assert omitted == {OmittedSegment(RANGE.start, KEY)}


def test_rollup_dimension_is_decoded_alone(capped: Capped) -> None:
    with patch.object(rollup_file, "PACKED_ROWS", 0):
        capped.build()
    with closing(capped.open()) as engine:
        Stats(engine, NOW).breakdown(Scope(SITE, RANGE), "browsers", 10)
        (month,) = engine._rollups._months.values()
        assert set(month._dimensions) == {"browsers"}


def test_rollup_of_an_earlier_version_answers_for_deleted_days(kept: Capped) -> None:
    stored = kept.store.get(KEY)
    assert stored is not None
    rows = kept.rows()
    frozen = rows.filter(pc.and_(pc.equal(rows["date"], DAYS[0]), pc.invert(rows["is_rest"])))
    totals = frozen.filter(pc.equal(frozen["dimension"], TOTAL))
    for name in ("fingerprint", "tail", "additive", "frozen"):
        column = pa.repeat(totals[name][0], frozen.num_rows)
        frozen = frozen.set_column(frozen.column_names.index(name), name, column)
    kept.store.put_if_match(KEY, encode_old_rollup(frozen), stored.etag)
    day = Scope(SITE, DateRange(DAYS[0], DAYS[0] + timedelta(days=1)))
    with closing(kept.open()) as engine:
        assert Stats(engine, NOW).main(day)["events"] == 24
        assert len(Stats(engine, NOW).breakdown(day, "sources", 10)) == 3
    with closing(kept.open()) as engine, patch.object(rollup_file, "MAX_VALUES", 2):
        found = Stats(engine, NOW).breakdown(day, "sources", 10)
        assert [row.get("other") for row in found] == [None, None, True]
    assert kept.build() == 2
    assert Stats(kept.engine, NOW).main(day)["events"] == 24


@pytest.mark.heavy
def test_memory_stays_bounded_when_days_have_a_million_new_values(tmp_path: Path) -> None:
    fill(tmp_path, events=100_000, days=3)
    built = measured(tmp_path, "build")
    assert built["found"] == [3, True]
    assert built["rollup_bytes"] < 1_000_000
    for step in ("main", "pages", "overview"):
        assert measured(tmp_path, step)["peak_mb"] < 500, step
    assert built["peak_mb"] < 500
