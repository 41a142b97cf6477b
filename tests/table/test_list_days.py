"""Listings of a site's days: those of a short range do not read its history."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from mallard.store.base import Listed
from mallard.table.layout import Partition
from mallard.table.reader import first_day, known_sites, list_days
from support.memory import MemoryStore

SITE = "localhost:8080"
FIRST = date(2025, 12, 30)
DAYS = [FIRST + timedelta(days=number) for number in range(5)]


class CountedRows(MemoryStore):
    """Counts the rows that its listings give out."""

    rows = 0

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        for row in super().list(prefix, start_after=start_after):
            self.rows += 1
            yield row


@pytest.fixture
def store() -> CountedRows:
    found = CountedRows()
    for day in DAYS:
        for number in (1, 0):
            found.put_if_absent(Partition(SITE, day).segment(number), b"")
    found.put_if_absent(f"{Partition(SITE, DAYS[0]).prefix}00002-0123abcd.parquet", b"")
    found.put_if_absent("events/site_id=localhost%3A80801/date=2025-12-01/00000.parquet", b"")
    return found


def test_days_from_a_date_on_are_those_of_the_whole_listing(store: CountedRows) -> None:
    days = list_days(store, SITE)
    assert list(days) == DAYS
    assert [row.key[-13:] for row in days[DAYS[1]]] == ["00000.parquet", "00001.parquet"]
    for start in [FIRST - timedelta(days=1), *DAYS, DAYS[-1] + timedelta(days=1)]:
        assert list_days(store, SITE, start) == {day: rows for day, rows in days.items() if day >= start}


def test_a_short_range_does_not_list_the_days_before(store: CountedRows) -> None:
    list_days(store, SITE, DAYS[-1])
    assert store.rows == 2


def test_the_first_day_is_found_without_a_whole_listing(store: CountedRows) -> None:
    assert first_day(store, SITE) == FIRST
    assert store.rows == 1
    assert first_day(store, "other.example") is None


def test_known_sites_are_read_from_folders_alone(store: CountedRows) -> None:
    store.put_if_absent("events/notes.txt", b"")
    assert known_sites(store) == [SITE, "localhost:80801"]
    assert store.rows == 0
