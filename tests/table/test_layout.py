"""Keys of objects: what goes in comes out, and nothing else is taken for a segment."""

from datetime import date
from string import ascii_lowercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.table.layout import EVENTS, Partition, parse_segment, site_in, site_prefix

SITES = st.text(ascii_lowercase + digits + ".-_:", min_size=1, max_size=200)
DAYS = st.dates(date(1970, 1, 1), date(2200, 1, 1))
NUMBERS = st.integers(0, 99_999)


@given(site=SITES, day=DAYS, number=NUMBERS)
def test_segment_key_round_trips_site_day_and_number(site: str, day: date, number: int) -> None:
    partition = Partition(site, day)
    assert parse_segment(partition.segment(number)) == (partition, number)


@given(site=SITES, day=DAYS, number=NUMBERS)
def test_segment_key_has_the_prefixes_of_partition_and_site(site: str, day: date, number: int) -> None:
    partition = Partition(site, day)
    assert partition.segment(number).startswith(partition.prefix)
    assert partition.prefix.startswith(site_prefix(site))
    assert site_prefix(site).startswith(EVENTS)


@given(one=SITES, other=SITES)
def test_site_prefixes_do_not_overlap(one: str, other: str) -> None:
    assert site_prefix(one).startswith(site_prefix(other)) == (one == other)


def test_a_key_is_a_plain_hive_path() -> None:
    assert Partition("example.com", date(2026, 1, 2)).segment(7) == (
        "events/site_id=example.com/date=2026-01-02/00007.parquet"
    )


def test_colon_in_a_site_id_is_escaped() -> None:
    partition = Partition("localhost:8000", date(2026, 1, 2))
    assert partition.prefix == "events/site_id=localhost%3A8000/date=2026-01-02/"


def test_keys_are_in_the_order_of_their_numbers() -> None:
    partition = Partition("a", date(2026, 1, 2))
    keys = [partition.segment(number) for number in (0, 9, 10, 99, 100, 12_345)]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "key",
    [
        "events/site_id=a/date=2026-01-02/00000.parquet.tmp",
        "events/site_id=a/date=2026-01-02/0.parquet",
        "events/site_id=a/date=2026-01-02/deeper/00000.parquet",
        "events/site_id=a/date=2026-02-30/00000.parquet",
        "events/site_id=a/00000.parquet",
        "events/site_id=/date=2026-01-02/00000.parquet",
        "other/events/site_id=a/date=2026-01-02/00000.parquet",
        "salts/a",
        "",
    ],
)
def test_keys_of_other_objects_are_no_segments(key: str) -> None:
    assert parse_segment(key) is None


@pytest.mark.parametrize("site_id", ["example.com", "localhost:8080"])
def test_site_in_reads_the_folder_of_a_site(site_id: str) -> None:
    assert site_in(site_prefix(site_id)) == site_id


@pytest.mark.parametrize(
    "folder", ["events/", "events/site_id=/", "events/other=a/", "events/site_id=a:80/", "rollups/"]
)
def test_site_in_is_none_for_other_folders(folder: str) -> None:
    assert site_in(folder) is None
