"""``/api/v1/stats``: the shapes, defaults, numbers and sentences of Plausible's Stats API v1."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.auth.setup import Setup
from mallard.bootstrap.access import open_auth
from mallard.config import Settings
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.reports.query_runner import QueryAnswer, QueryRow
from mallard.reports.v1_results import v1_timeseries
from mallard.stats.date_range import DateRange
from mallard.stats.grouping import HOUR
from mallard.stats.stats_query import StatsQuery
from mallard.store.local import LocalStore
from support.memory import MemoryStore
from support.open_access import api_of, auth_off
from support.place import DAYS, NOW, SITE, Place

GOALS = [
    {"name": "Front", "page": "/1"},
    {"name": "Visit /2", "page": "/2"},
    {"name": "Signup", "event": "signup"},
]
EVERY = ("visitors", "visits", "pageviews", "events", "bounce_rate", "visit_duration")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Six pageviews on each of four days by three visitors, of four pages; on one of them from Germany."""
    place = Place(LocalStore(tmp_path_factory.mktemp("table")))
    for number, day in enumerate(DAYS):
        country = {1: "DE", 2: "AT", 3: "FR"}.get(number)
        place.write(day, *range(number * 10 + 1, number * 10 + 7), country_code=country, utm_campaign="a|b")
    place.engine.site_settings.change(SITE, {"goals": GOALS}, NOW)
    yield place
    place.engine.close()


@pytest.fixture(scope="module")
def client(place: Place) -> TestClient:
    return client_of(place.engine, auth_off())


def client_of(engine: DuckDBEngine, auth: Any) -> TestClient:
    app = api_of(lambda: engine, NOW, [SITE], auth)
    return TestClient(app, raise_server_exceptions=False)


def ask(client: TestClient, kind: str, **parameters: Any) -> Any:
    answer = client.get(f"/api/v1/stats/{kind}", params={"site_id": SITE, **parameters})
    assert answer.status_code == 200, answer.json()
    return answer.json() if kind == "realtime/visitors" else answer.json()["results"]


def by_v2(client: TestClient, **fields: Any) -> Any:
    answer = client.post("/api/v2/query", json={"site_id": SITE, **fields})
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


def test_aggregate_has_visitors_of_thirty_days_by_default(client: TestClient) -> None:
    assert ask(client, "aggregate") == {"visitors": {"value": 9}}


def test_aggregate_has_the_numbers_of_v2(client: TestClient) -> None:
    (row,) = by_v2(client, metrics=list(EVERY), date_range=["2026-03-01", "2026-03-10"])
    found = ask(client, "aggregate", period="custom", date="2026-03-01, 2026-03-10", metrics=",".join(EVERY))
    assert found == {name: {"value": value} for name, value in zip(EVERY, row["metrics"], strict=True)}
    assert found["visitors"] == {"value": 12}


def test_aggregate_compares_with_the_period_before(client: TestClient) -> None:
    found = ask(client, "aggregate", period="day", date="2026-03-08", compare="previous_period", metrics="pageviews")
    assert found == {"pageviews": {"value": 6, "comparison_value": 6, "change": 0}}
    found = ask(client, "aggregate", period="day", date="2026-03-06", compare="previous_period")
    assert found == {"visitors": {"value": 3, "comparison_value": 0, "change": 100}}


@pytest.mark.parametrize(
    ("period", "date", "first", "last", "rows"),
    [
        ("day", "2026-03-08", "2026-03-08 00:00:00", "2026-03-08 23:00:00", 24),
        ("7d", "2026-03-09", "2026-03-02", "2026-03-08", 7),
        ("30d", None, "2026-02-08", "2026-03-09", 30),
        ("month", "2026-02-28", "2026-02-01", "2026-02-28", 28),
        ("month", None, "2026-03-01", "2026-03-31", 31),
        ("6mo", "2026-03-31", "2025-09-01", "2026-02-01", 6),
        ("12mo", None, "2025-03-01", "2026-02-01", 12),
        ("custom", "2026-03-08,2026-03-08", "2026-03-08", "2026-03-08", 1),
        ("custom", "2025-12-15, 2026-01-02", "2025-12-15", "2026-01-02", 19),
    ],
)
def test_timeseries_has_every_bucket_of_the_period(
    client: TestClient, period: str, date: str | None, first: str, last: str, rows: int
) -> None:
    found = ask(client, "timeseries", period=period, **({"date": date} if date else {}))
    assert (len(found), found[0]["date"], found[-1]["date"]) == (rows, first, last)


def test_timeseries_months_begin_on_their_first_day(client: TestClient) -> None:
    found = ask(client, "timeseries", period="custom", date="2026-02-15,2026-03-10", interval="month")
    assert found == [{"date": "2026-02-01", "visitors": 0}, {"date": "2026-03-01", "visitors": 12}]


@pytest.mark.parametrize("interval", ["day", "date"])
def test_timeseries_bucket_without_events_has_no_rates(client: TestClient, interval: str) -> None:
    metrics = "visitors,visits,bounce_rate,visit_duration,views_per_visit"
    empty, full = ask(
        client, "timeseries", period="custom", date="2026-03-05,2026-03-06", metrics=metrics, interval=interval
    )
    assert empty == {
        "date": "2026-03-05",
        "visitors": 0,
        "visits": 0,
        "bounce_rate": None,
        "visit_duration": None,
        "views_per_visit": 0.0,
    }
    assert full == {
        "date": "2026-03-06",
        "visitors": 3,
        "visits": 3,
        "bounce_rate": 0,
        "visit_duration": 3,
        "views_per_visit": 2.0,
    }


def test_timeseries_keeps_the_rows_of_an_hour_that_comes_twice() -> None:
    """A site's clock goes back: two buckets have one label."""
    labels = tuple(f"2025-10-26 {hour}:00:00" for hour in ("01", "02", "02", "03"))
    rows = tuple(QueryRow((labels[place],), (number,)) for place, number in ((1, 5), (2, 7)))
    query = StatsQuery(SITE, ("visitors",), DateRange(date(2025, 10, 26), date(2025, 10, 27)), (HOUR,))
    found = v1_timeseries(QueryAnswer(query, rows, 2, {}, labels), ("visitors",))
    assert [(each["date"], each["visitors"]) for each in found] == list(zip(labels, (0, 5, 7, 0), strict=True))


def test_timeseries_conversion_rate_is_of_the_visitors_of_the_bucket(client: TestClient) -> None:
    metrics = "conversion_rate,visitors"
    filters = "event:goal==Front"
    found = ask(client, "timeseries", period="7d", metrics=metrics, filters=filters)
    assert [each["conversion_rate"] for each in found] == [0.0, 0.0, 0.0, 66.67, 33.33, 66.67, 0.0]
    assert [each["visitors"] for each in found] == [0, 0, 0, 2, 1, 2, 0]


@pytest.mark.parametrize(
    ("property_name", "key"),
    [("event:page", "page"), ("visit:source", "source"), ("visit:browser", "browser"), ("event:props:plan", "plan")],
)
def test_breakdown_has_the_rows_of_v2_under_the_name_of_the_property(
    client: TestClient, property_name: str, key: str
) -> None:
    rows = by_v2(client, metrics=["visitors", "events"], dimensions=[property_name], date_range="30d")
    found = ask(client, "breakdown", property=property_name, metrics="visitors,events")
    assert found == [
        {key: row["dimensions"][0], "visitors": row["metrics"][0], "events": row["metrics"][1]} for row in rows
    ]
    assert found


def test_breakdown_by_country_has_no_row_for_a_missing_value(client: TestClient) -> None:
    assert ask(client, "breakdown", property="visit:country") == [
        {"country": "AT", "visitors": 3},
        {"country": "DE", "visitors": 3},
    ]


def test_breakdown_by_version_has_the_name_beside_it(client: TestClient) -> None:
    assert set(ask(client, "breakdown", property="visit:os_version")[0]) == {"os", "os_version", "visitors"}


def test_breakdown_by_goal_names_goals_and_their_rate(client: TestClient) -> None:
    found = ask(client, "breakdown", property="event:goal", metrics="visitors,conversion_rate,events")
    assert found == [
        {"goal": "Front", "visitors": 5, "conversion_rate": 55.56, "events": 5},
        {"goal": "Visit /2", "visitors": 5, "conversion_rate": 55.56, "events": 5},
    ]


def test_breakdown_conversion_rate_is_of_the_visitors_of_the_row(client: TestClient) -> None:
    found = ask(client, "breakdown", property="visit:country", metrics="conversion_rate", filters="event:goal==Front")
    assert found == [{"country": "AT", "conversion_rate": 66.67}, {"country": "DE", "conversion_rate": 33.33}]


def test_breakdown_by_time_on_page_is_ordered_by_visitors(client: TestClient) -> None:
    found = ask(client, "breakdown", property="event:page", metrics="time_on_page")
    assert [set(each) for each in found] == [{"page", "time_on_page"}] * 4


def test_breakdown_pages_are_of_as_many_rows_as_the_limit(client: TestClient) -> None:
    whole = ask(client, "breakdown", property="event:page")
    parts = [ask(client, "breakdown", property="event:page", limit=3, page=page) for page in (1, 2, 3)]
    assert parts == [whole[:3], whole[3:], []]
    assert len(whole) == 4


@pytest.mark.parametrize(
    ("filters", "v2"),
    [
        ("visit:country==DE", [["is", "visit:country", ["DE"]]]),
        ("visit:country!=DE", [["is_not", "visit:country", ["DE"]]]),
        ("visit:country==DE|AT", [["is", "visit:country", ["DE", "AT"]]]),
        ("visit:country!=DE|AT", [["is_not", "visit:country", ["DE", "AT"]]]),
        ("visit:country==DE;event:page==/1", [["is", "visit:country", ["DE"]], ["is", "event:page", ["/1"]]]),
        (" event:page == /1 ; ", [["is", "event:page", ["/1"]]]),
        ("event:page==/*", [["contains", "event:page", ["/"]]]),
        ("event:page==/1*|/**2", [["is", "event:page", ["/1", "/2"]]]),
        ("event:page!=*1", [["is_not", "event:page", ["/1"]]]),
        ("event:page==.*", [["is", "event:page", ["nothing"]]]),
        (r"visit:utm_campaign==a\|b", [["is", "visit:utm_campaign", ["a|b"]]]),
        ("visit:utm_campaign==a|b", [["is", "visit:utm_campaign", ["a", "b"]]]),
        ("event:goal==Front", [["is", "event:goal", ["Front"]]]),
        ("event:goal==Visit /1", [["is", "event:goal", ["Front"]]]),
        ("event:goal==Visit /2|Front", [["is", "event:goal", ["Visit /2", "Front"]]]),
        ("event:goal==signup", [["is", "event:goal", ["Signup"]]]),
        ("visit:source==Direct / None", [["is", "visit:source", ["Direct / None"]]]),
    ],
)
def test_filters_count_as_those_of_v2(client: TestClient, filters: str, v2: list[Any]) -> None:
    (row,) = by_v2(client, metrics=["visitors", "events"], date_range="30d", filters=v2)
    found = ask(client, "aggregate", metrics="visitors,events", filters=filters)
    assert [found["visitors"]["value"], found["events"]["value"]] == row["metrics"]


def test_realtime_visitors_are_a_bare_number(client: TestClient) -> None:
    assert ask(client, "realtime/visitors") == 0


FAULTS = """
aggregate   period=year              Error parsing `period` parameter: invalid period `year`.
aggregate   date=2021-dkjbAS         Error parsing `date` parameter: invalid_format.
aggregate   date=2021-02-30          Error parsing `date` parameter: invalid_date.
aggregate   date=0001-01-01          Error parsing `date` parameter: invalid_date.
aggregate   date=9999-12-31          Error parsing `date` parameter: invalid_date.
aggregate   period=custom            The `date` parameter is required when using a custom period.
aggregate   period=custom&date=2021-01-01  Invalid format for `date` parameter.
aggregate   period=custom&date=2021-01-01,x  Invalid format for `date` parameter.
aggregate   period=custom&date=2021-01-02,2021-01-01  date ends on 2021-01-01, before its first day 2021-01-02.
aggregate   metrics=nope             The metric `nope` is not recognized.
aggregate   metrics=visitors,        The metric `` is not recognized.
aggregate   filters=                 filters is empty.
aggregate   with_imported=yes        with_imported is 'yes', but must be true or false.
aggregate   metrics=visitors,visitors  Metrics cannot be queried multiple times.
aggregate   metrics=conversion_rate  Metric `conversion_rate` can only be queried in a goal breakdown or with a goal
aggregate   metrics=time_on_page     Metric `time_on_page` can only be queried in a page breakdown or with a page filter
aggregate   metrics=visits&filters=event:goal==Front  Session metric `visits` cannot be queried
aggregate   metrics=bounce_rate&filters=event:props:a==b  Session metric `bounce_rate` cannot be queried
aggregate   metrics=views_per_visit&filters=event:page==/1  Metric `views_per_visit` cannot be queried with a filter on
aggregate   metrics=time_on_page&filters=event:page==/1;event:goal==Front  Metric `time_on_page` cannot be queried
aggregate   filters=visit:nope==a    Invalid filter property 'visit:nope'.
aggregate   filters=nonsense         Invalid filter 'nonsense'.
aggregate   filters=visit:country==  Invalid filter 'visit:country=='.
aggregate   filters=event:goal==Nope  The goal `Nope` is not configured for this site.
aggregate   filters=event:goal==Visit%20/no  The pageview goal for the pathname `/no` is not configured for this site.
aggregate   filters=event:goal!=Front  The operator `!=` is not supported for `event:goal`.
aggregate   compare=year             Error parsing `compare` parameter
aggregate   bogus=1                  'bogus' is not a parameter here
timeseries  interval=alskd           Error parsing `interval` parameter: invalid interval `alskd`
breakdown   limit=1                  The `property` parameter is required.
breakdown   property=event:hostname  Property 'event:hostname' is currently not supported for breakdowns.
breakdown   property=nope            Invalid property 'nope'. Please provide a valid property for the breakdown endpoint
breakdown   property=event:page&limit=0  Please provide limit as a number between 1 and 1000.
breakdown   property=event:page&limit=1001  Please provide limit as a number between 1 and 1000.
breakdown   property=event:page&page=0  Please provide page as a positive number.
breakdown   property=event:goal&metrics=visits  Session metric `visits` cannot be queried
breakdown   property=event:page&metrics=views_per_visit  Metric `views_per_visit` is not supported in breakdown queries.
breakdown   property=visit:os&metrics=time_on_page&filters=event:page==/1  Metric `time_on_page` is not
"""


@pytest.mark.parametrize("line", FAULTS.strip().splitlines(), ids=lambda line: " ".join(line.split()[:2]))
def test_fault_is_answered_400_in_the_words_of_plausible(client: TestClient, line: str) -> None:
    kind, query, sentence = line.split(maxsplit=2)
    answer = client.get(f"/api/v1/stats/{kind}?site_id={SITE}&{query}")
    assert (answer.status_code, set(answer.json())) == (400, {"error"})
    assert answer.json()["error"].startswith(sentence.strip())


def test_refusals_are_answered_401_in_the_words_of_plausible(place: Place) -> None:
    auth = open_auth(Settings(admin_password="kettle-moss-17"), MemoryStore(), secret=b"s" * 32, setup=Setup(True, ""))
    client = client_of(place.engine, auth)
    reads, elsewhere, ingest = (
        auth.keys.create("a", scope, auth.now(), sites)[0]
        for scope, sites in (("ReadOnly", ()), ("ReadOnly", ("other.example",)), ("Ingest", ()))
    )

    def answer(key: str | None, site: str | None = SITE) -> tuple[int, str]:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        found = client.get("/api/v1/stats/aggregate", params={"site_id": site} if site else {}, headers=headers)
        return found.status_code, found.json().get("error", "")

    missing, invalid = "Missing API key. Please", "Invalid API key or site ID. Please"
    assert answer(reads) == (200, "")
    assert [answer(key)[1].startswith(missing) for key in (None, reads)] == [True, False]
    for key, site in (
        (ingest, SITE),
        (elsewhere, SITE),
        ("mm_nothing", SITE),
        (reads, "unknown.example"),
        (reads, "/"),
    ):
        status, sentence = answer(key, site)
        assert (status, sentence.startswith(invalid)) == (401, True), site
    assert answer(None) == answer(None, None)
    assert answer(None)[0] == 401
    assert answer(reads, None) == (
        400,
        "Missing site ID. Please provide the required site_id parameter with your request.",
    )
