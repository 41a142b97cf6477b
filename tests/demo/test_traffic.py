"""The demo's traffic: exact, repeatable, and shaped like that of a real site."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from mallard.demo.traffic import generate
from mallard.event import ENGAGEMENT, EVENT_ID_EPOCH_MS, EVENT_ID_RANDOM_BITS, PAGEVIEW
from mallard.ingest.enrich.referrer import read_origin
from mallard.table.schema import EVENTS

SITE = "example.com"
SUNDAY_NIGHT = datetime(2025, 6, 29, 23, 59, 59, 999000, tzinfo=UTC)
AFTERNOON = datetime(2025, 6, 30, 15, 20, 7, 250000, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)

Row = dict[str, Any]
Days = list[tuple[date, pa.Table]]


def traffic(events: int = 2000, days: int = 5, end: datetime = AFTERNOON, seed: int = 7, site: str = SITE) -> Days:
    return list(generate(site, events=events, days=days, random_seed=seed, end=end))


def rows_of(days: Days) -> list[Row]:
    return [row for _, table in days for row in table.to_pylist()]


@pytest.fixture(scope="module")
def weeks() -> Days:
    """Two whole weeks, Monday to Sunday."""
    return traffic(events=40_000, days=14, end=SUNDAY_NIGHT)


@pytest.fixture(scope="module")
def rows(weeks: Days) -> list[Row]:
    return rows_of(weeks)


@pytest.fixture(scope="module")
def visits(rows: list[Row]) -> list[list[Row]]:
    """Visits by their definition: a visitor's events with no gap over 30 minutes; pings are no events."""
    return visits_of(rows)


def visits_of(rows: list[Row]) -> list[list[Row]]:
    events: dict[int, list[Row]] = {}
    for row in rows:
        if row["visitor_id"] is not None and row["event_name"] != ENGAGEMENT:
            events.setdefault(row["visitor_id"], []).append(row)
    found: list[list[Row]] = []
    for visitor in events.values():
        found.append([visitor[0]])
        for before, row in pairwise(visitor):
            if row["timestamp"] - before["timestamp"] > HALF_HOUR:
                found.append([])
            found[-1].append(row)
    return found


def share(rows: list[Row], **wanted: object) -> float:
    return sum(all(row[name] == value for name, value in wanted.items()) for row in rows) / len(rows)


@pytest.mark.parametrize(
    ("events", "days"), [(1, 1), (2, 1), (3, 10), (10, 10), (999, 7), (20_000, 1), (20_000, 3), (50, 365)]
)
def test_traffic_has_exactly_the_requested_number_of_rows(events: int, days: int) -> None:
    assert sum(table.num_rows for _, table in traffic(events, days)) == events


def test_the_same_arguments_give_equal_tables() -> None:
    first, second = traffic(), traffic()

    assert [day for day, _ in first] == [day for day, _ in second]
    assert all(one.equals(other) for (_, one), (_, other) in zip(first, second, strict=True))


def test_traffic_differs_for_another_seed_or_site() -> None:
    tables = [traffic()[0][1], traffic(seed=8)[0][1], traffic(seed=-7)[0][1], traffic(site="other.example")[0][1]]

    assert len({tuple(table["event_id"].to_pylist()) for table in tables}) == 4


def test_tables_have_the_schema_of_the_table(weeks: Days) -> None:
    assert all(table.schema.equals(EVENTS) for _, table in weeks)
    for _, table in weeks:
        table.validate(full=True)


def test_required_columns_are_not_null(weeks: Days) -> None:
    required = [field.name for field in EVENTS if not field.nullable]

    assert all(table[name].null_count == 0 for _, table in weeks for name in required)


def test_traffic_has_one_table_per_date_oldest_first() -> None:
    assert [day for day, _ in traffic(days=5)] == [date(2025, 6, 26) + timedelta(days=n) for n in range(5)]


def test_traffic_yields_no_table_for_a_date_without_rows() -> None:
    made = traffic(events=3, days=10)

    assert all(table.num_rows > 0 for _, table in made)
    assert date(2025, 6, 21) <= made[0][0] < made[-1][0] <= date(2025, 6, 30)


def test_every_row_lies_in_its_date_and_in_order_of_time(weeks: Days) -> None:
    for day, table in weeks:
        times: list[Any] = table["timestamp"].to_pylist()
        assert {time.date() for time in times} == {day}
        assert times == sorted(times)


def test_visits_never_cross_midnight(weeks: Days) -> None:
    visitors = [set(table["visitor_id"].to_pylist()) - {None} for _, table in weeks]

    assert sum(map(len, visitors)) == len(set().union(*visitors))


@pytest.mark.parametrize(
    "end",
    [
        AFTERNOON,
        AFTERNOON.replace(tzinfo=None),
        datetime(2025, 6, 30, 23, 30, tzinfo=timezone(timedelta(hours=-5))),
        datetime(2025, 6, 30, 0, 0, 30, tzinfo=UTC),
        datetime(2025, 6, 30, 0, 10, tzinfo=UTC),
        datetime(2025, 6, 30, tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("days", [1, 2])
def test_no_row_is_later_than_the_end(end: datetime, days: int) -> None:
    last = end.astimezone(UTC).replace(tzinfo=None) if end.tzinfo else end
    made = rows_of(traffic(events=3000, days=days, end=end))

    assert len(made) == 3000
    assert max(row["timestamp"] for row in made) <= last


def test_last_day_has_its_share_of_traffic_up_to_the_end() -> None:
    whole = datetime(2025, 6, 25, 23, 59, 59, tzinfo=UTC)
    (_, tuesday), (_, wednesday) = traffic(events=20_000, days=2, end=whole.replace(hour=12, minute=0))

    assert 0.25 < wednesday.num_rows / tuesday.num_rows < 0.6


def test_event_ids_are_unique_and_carry_the_millisecond(rows: list[Row]) -> None:
    assert len({row["event_id"] for row in rows}) == len(rows)
    for row in rows:
        since_epoch = row["timestamp"] - datetime(1970, 1, 1)  # noqa: DTZ001 - the column is naive UTC
        assert (row["event_id"] >> EVENT_ID_RANDOM_BITS) + EVENT_ID_EPOCH_MS == since_epoch // timedelta(milliseconds=1)


def test_event_ids_stay_unique_where_all_rows_share_a_millisecond() -> None:
    made = rows_of(traffic(events=20_000, days=1, end=datetime(2025, 6, 30, tzinfo=UTC)))

    assert len({row["event_id"] for row in made}) == 20_000


def test_visitor_ids_have_63_bits_and_are_null_for_about_two_percent(rows: list[Row]) -> None:
    ids = [row["visitor_id"] for row in rows if row["visitor_id"] is not None]

    assert min(ids) > 0
    assert 2**62 < max(ids) < 2**63
    assert 0.01 < share(rows, visitor_id=None) < 0.03


def test_about_half_of_the_visits_bounce(visits: list[list[Row]]) -> None:
    bounces = [visit for visit in visits if len(visit) == 1 and visit[0]["event_name"] == PAGEVIEW]

    assert 0.35 < len(bounces) / len(visits) < 0.65


def test_visitors_have_one_to_three_visits_and_mostly_one(visits: list[list[Row]]) -> None:
    times = Counter(visit[0]["visitor_id"] for visit in visits)

    assert set(times.values()) == {1, 2, 3}
    assert Counter(times.values())[1] > 0.8 * len(times)


def test_visit_begins_with_a_pageview_and_only_the_landing_page_has_a_source(visits: list[list[Row]]) -> None:
    for visit in visits:
        assert visit[0]["event_name"] == PAGEVIEW
        later = [row for row in visit if row["pathname"] != visit[0]["pathname"]]
        assert all(row["referrer"] is None and row["utm_source"] is None for row in later)


def test_visitor_has_one_device_and_one_place(rows: list[Row]) -> None:
    names = ["browser", "browser_version", "os", "os_version", "device_type", "screen_size", "language"]
    names += ["country_code", "region", "city", "hostname"]
    pairs = {(row["visitor_id"], *(row[name] for name in names)) for row in rows if row["visitor_id"] is not None}

    assert len(pairs) == len({pair[0] for pair in pairs})


def test_weekdays_are_busier_than_weekends(weeks: Days) -> None:
    by_day = {day: table.num_rows for day, table in weeks}
    weekend = [count for day, count in by_day.items() if day.weekday() >= 5]
    weekdays = [count for day, count in by_day.items() if day.weekday() < 5]

    assert max(weekend) < min(weekdays)


def test_nights_are_quieter_than_days(rows: list[Row]) -> None:
    hours = Counter(row["timestamp"].hour for row in rows)

    assert sum(hours[hour] for hour in range(1, 6)) * 2 < sum(hours[hour] for hour in range(12, 17))
    assert len(hours) == 24


def test_pageviews_concentrate_on_few_pages(rows: list[Row]) -> None:
    views = Counter(row["pathname"] for row in rows if row["event_name"] == PAGEVIEW).most_common()

    assert views[0][0] == "/"
    assert views[0][1] > 5 * views[19][1]
    assert len(views) > 50


def test_search_visits_land_in_the_blog_more_often_than_direct_ones(
    visits: list[list[Row]],
) -> None:
    def blog_share(channel: str) -> float:
        landed: list[str] = [visit[0]["pathname"] for visit in visits if visit[0]["channel"] == channel]
        return sum(path.startswith("/blog") for path in landed) / len(landed)

    assert blog_share("Organic Search") > 2 * blog_share("Direct")


def test_the_way_over_pricing_to_a_signup_narrows_step_by_step(visits: list[list[Row]]) -> None:
    def reached(*steps: str) -> int:
        return sum(has_in_order(visit, steps) for visit in visits)

    home, pricing = reached("/"), reached("/", "/pricing")
    form, signup = reached("/", "/pricing", "/signup"), reached("/", "/pricing", "/signup", "signup")
    assert home > 2 * pricing > 4 * form
    assert form > signup > 10


def has_in_order(visit: list[Row], steps: tuple[str, ...]) -> bool:
    waiting = list(steps)
    for row in visit:
        if waiting and waiting[0] in (row["pathname"], row["event_name"]):
            waiting.pop(0)
    return not waiting


def test_pings_are_about_a_seventh_of_the_rows_and_alone_carry_engagement(rows: list[Row]) -> None:
    assert 0.12 < share(rows, event_name=ENGAGEMENT) < 0.18
    for row in rows:
        pinged = row["event_name"] == ENGAGEMENT
        assert (row["engagement_ms"] is not None) == (row["scroll_depth"] is not None) == pinged
        assert not pinged or (0 <= row["scroll_depth"] <= 100 and row["engagement_ms"] >= 0)


def test_props_are_json_objects_of_custom_events_only(rows: list[Row]) -> None:
    named = {row["event_name"] for row in rows}
    assert named == {PAGEVIEW, ENGAGEMENT, "signup", "download", "outbound click", "purchase"}
    for row in rows:
        custom = row["event_name"] not in (PAGEVIEW, ENGAGEMENT)
        assert (row["props"] is not None) == custom
        assert not custom or isinstance(json.loads(row["props"]), dict)


def test_revenue_is_set_on_purchases_only(rows: list[Row]) -> None:
    for row in rows:
        bought = row["event_name"] == "purchase"
        assert (row["revenue_amount"] is not None) == (row["revenue_currency"] is not None) == bought
    assert {row["revenue_currency"] for row in rows} == {None, "USD", "EUR"}


def test_source_names_equal_those_of_ingest(rows: list[Row]) -> None:
    for referrer, name in {(row["referrer"], row["referrer_source"]) for row in rows}:
        assert name == read_origin(referrer, SITE, SITE, {}).source


def test_the_channel_agrees_with_source_and_tags(rows: list[Row]) -> None:
    paid = {"cpc": "Paid Search", "paid_social": "Paid Social", "email": "Email"}
    seen = {(row["channel"], row["referrer_source"], row["utm_medium"]) for row in rows}

    for channel, source, medium in seen:
        assert channel == paid[medium] if medium else channel not in paid.values()
        assert (channel == "Direct") == (source is None and medium is None)
    assert {"Organic Search", "Organic Social", "Referral", "AI Assistants"} < {channel for channel, _, _ in seen}


def test_browsers_run_only_on_systems_that_have_them(rows: list[Row]) -> None:
    systems: dict[str, set[str]] = {}
    for row in rows:
        systems.setdefault(row["browser"], set()).add(row["os"])

    assert systems["Safari"] == {"Mac OS X"}
    assert systems["Mobile Safari"] == {"iOS"}
    assert systems["Samsung Internet"] == {"Android"}
    assert all(row["browser_version"] == row["os_version"] for row in rows if row["browser"] == "Mobile Safari")


def test_the_screen_fits_the_device(rows: list[Row]) -> None:
    # Widths are rounded down to 100 px, device classes are decided before.
    bounds = {"mobile": range(768), "tablet": range(700, 1024), "desktop": range(1000, 10_000)}

    assert {row["device_type"] for row in rows} == set(bounds)
    assert all(int(row["screen_size"]) in bounds[row["device_type"]] for row in rows)


def test_a_city_lies_in_one_region_of_one_country(rows: list[Row]) -> None:
    places = {(row["city"], row["region"], row["country_code"]) for row in rows if row["city"]}

    assert len(places) == len({city for city, _, _ in places}) > 30
    assert not any(row["region"] or row["city"] for row in rows if row["country_code"] is None)


def test_the_hostname_is_the_site_or_its_www(rows: list[Row]) -> None:
    assert {row["hostname"] for row in rows} == {SITE, f"www.{SITE}"}
    assert share(rows, hostname=SITE) > 0.9


@pytest.mark.parametrize(("events", "days"), [(0, 1), (1, 0), (-5, 3)])
def test_traffic_needs_at_least_one_event_and_day(events: int, days: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        traffic(events, days)
