"""A link with a filter tells what its owner sees under that filter, and nothing beside it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest

from mallard.event import ENGAGEMENT
from support import reference
from support.proof_people import OTHER, PUBLIC, SITE, People, now
from support.random_events import random_rows, store_rows

ROWS = 400

REPORTS = """
/api/stats/main?period=7d
/api/stats/main?period=7d&compare=previous_period
/api/stats/main?period=today&compare=year_over_year
/api/stats/main?period=realtime
/api/stats/timeseries?period=7d
/api/stats/timeseries?period=7d&interval=hour
/api/stats/timeseries?period=yesterday&interval=hour&compare=previous_period
/api/stats/timeseries?period=all
/api/stats/breakdown/pages?period=7d
/api/stats/breakdown/sources?period=7d&compare=previous_period
/api/stats/breakdown/browsers?period=all&limit=1
/api/stats/breakdown/countries?period=month
/api/stats/breakdown/entry_pages?period=7d
/api/stats/breakdown/exit_pages?period=7d
/api/stats/breakdown/events?period=7d
/api/stats/overview?period=7d
/api/stats/overview?period=7d&compare=previous_period&breakdowns=pages,events&limit=3
/api/stats/sessions?period=7d
/api/stats/sessions?period=7d&breakdown=browsers&limit=2
/api/stats/funnel?period=7d&steps=page:/,event:signup
/api/stats/funnel?period=7d&steps=page:/**,page:/b,page:/a&window=2%20hours
/api/stats/retention?period=30d&interval=day&count=3
/api/stats/funnel?period=7d&steps=page:/,page:/b&breakdown=countries
/api/stats/sequences?period=7d&steps=page:/,event:signup&details=true
/api/stats/sequences?period=7d&steps=page:/**,page:/b&pattern=(?1)(?t%3C=7200)(?2).&breakdown=browsers
/api/stats/flow?period=7d&page=/a&depth=3&exits=true
/api/stats/flow?period=7d&event=signup&direction=backward&base=last_match
/api/stats/export?period=7d&format=csv
/api/stats/export?period=7d&format=json
/api/stats/export?period=7d&format=parquet
/api/v2/query?{"metrics":["visitors","bounce_rate","percentage"],"date_range":"7d"}
/api/v2/query?{"metrics":["visitors","visits"],"date_range":"7d","dimensions":["event:page","time:day"]}
/api/v2/query?{"metrics":["events"],"date_range":"28d","dimensions":["visit:source"],"include":{"compare":"previous_period"}}
/api/v2/query?{"funnel":{"steps":[{"page":"/**"},{"page":"/b","scroll_threshold":0},{"event":"signup","currency":"EUR"}]},"date_range":"7d"}
/api/v2/query?{"flow":{"steps":[{"page":"/a"}],"depth":2},"date_range":"7d","include":{"compare":"previous_period"}}
/api/v2/query?{"flow":{},"date_range":"28d"}
/api/v2/query?{"retention":{"interval":"day","count":3},"date_range":"7d"}
/api/v2/query?{"sequence":{"steps":[{"page":"/"},{"event":"signup"}]},"date_range":"7d"}
/api/v2/query?{"metrics":["visitors"],"date_range":"7d","dimensions":["event:page"],"format":"csv"}
/api/v2/query?{"funnel":{"steps":[{"page":"/"},{"event":"signup"}]},"date_range":"7d","format":"parquet"}
"""
"""Every report that is narrowed, with all its parameters but site and filter. `make test` has two lines of three."""

V1_REPORTS = """
/api/v1/stats/aggregate?period=7d&metrics=visitors,bounce_rate,events&compare=previous_period
/api/v1/stats/timeseries?period=7d&metrics=visits,pageviews
/api/v1/stats/breakdown?period=7d&property=visit:source&metrics=visitors,visit_duration
"""
"""The same of Plausible's API v1, whose filters are another language."""

NOT_NARROWED = {"/api/stats/rejected", "/api/v2/schema.json"}
"""Drops have no country and no page, so whoever has a filter is refused. The schema has no numbers."""

LEAVES: list[Any] = [
    ["is", "visit:country", ["DE"]],
    ["is_not", "visit:country", ["DE", "(not set)"]],
    ["is", "visit:browser", ["Firefox"]],
    ["is", "visit:source", ["Direct / None"]],
    ["is", "event:page", ["/a"]],
    ["contains", "event:page", ["/b"]],
    ["is", "event:name", ["signup"]],
    ["is", "visit:entry_page", ["/"]],
    ["contains", "visit:exit_page", ["/b"]],
    ["has_done", ["is", "event:name", ["signup"]]],
]
V1_LEAVES = [
    "visit:country==DE",
    "visit:country!=DE|(not set)",
    "visit:browser==Firefox",
    "visit:source==Direct / None",
]
"""The first of LEAVES in that language."""

NESTED = [
    ["or", [LEAVES[0], LEAVES[4]]],
    ["not", ["or", [LEAVES[2], LEAVES[6]]]],
    ["and", [LEAVES[3], ["has_not_done", ["is", "event:page", ["/a"]]]]],
]
PAIRS_OF_A_REPORT = 2
"""Of filters: `make test` and `make check` together have one or both of each line, `make soak` the rest."""


@pytest.fixture(scope="module")
def rows() -> list[reference.Row]:
    # None of the last minutes: which of them are "now" changes while a test looks.
    return random_rows(Random(20261124), ROWS, now() - timedelta(hours=1))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, rows: list[reference.Row]) -> Iterator[People]:
    with People(tmp_path_factory.mktemp("narrowed")) as people:
        store_rows(people.store, rows, 10_000, site_id=SITE)
        store_rows(people.store, rows[:50], 10_000, site_id=OTHER)
        yield people


def reports() -> list[str]:
    return REPORTS.split()


def asked(people: People, headers: dict[str, str], report: str, filters: list[Any]) -> bytes:
    path, _, query = report.partition("?")
    if path == "/api/v2/query":
        body = {**json.loads(query), "site_id": SITE, "filters": filters}
        answer = people.ask("POST", path, headers, json=body)
        assert answer.status_code == 200, answer.text
        if "format" in body:
            file: bytes = answer.content
            return file
        # It repeats the filters of the request.
        return json.dumps(answer.json()["results"]).encode()
    rest = urlencode({"site_id": SITE, **({"filters": json.dumps(filters)} if filters else {})})
    answer = people.ask("GET", f"{path}?{query}&{rest}", headers)
    assert answer.status_code == 200, answer.text
    content: bytes = answer.content
    return content


def some_filters(random: Random) -> list[Any]:
    return random.sample([*LEAVES, *NESTED], random.choice([1, 1, 2]))


@pytest.mark.sampled(3, 1)
@pytest.mark.parametrize("report", reports())
@pytest.mark.parametrize("pair", range(PAIRS_OF_A_REPORT))
def test_link_report_equals_the_owner_report_under_both_filters(people: People, report: str, pair: int) -> None:
    owner, random = people.headers("Admin key"), Random(f"{report} {pair}")
    of_link, of_request = some_filters(random), some_filters(random)
    link = people.link(filters=json.dumps(of_link))
    assert asked(people, link, report, of_request) == asked(people, owner, report, [["and", of_link + of_request]])
    assert asked(people, link, report, []) == asked(people, owner, report, of_link)
    # What widens the filter of a request widens nothing that the link shows.
    wide = [["or", [*of_link, ["not", of_link[0]]]]]
    assert asked(people, link, report, wide) == asked(people, owner, report, of_link)


@pytest.mark.parametrize("report", V1_REPORTS.split())
@pytest.mark.parametrize("number", range(len(V1_LEAVES)))
def test_link_report_of_v1_equals_the_owner_report_under_its_filter(people: People, report: str, number: int) -> None:
    link, owner = people.link(filters=json.dumps([LEAVES[number]])), people.headers("Admin key")
    narrowed, whole, page = (
        people.ask("GET", f"{report}&{urlencode(more)}", who)
        for more, who in (
            ({"site_id": SITE}, link),
            ({"site_id": SITE, "filters": V1_LEAVES[number]}, owner),
            ({"site_id": SITE, "filters": f"{V1_LEAVES[number]};visit:country==AT"}, owner),
        )
    )
    assert narrowed.status_code == 200
    assert narrowed.json() == whole.json()
    both = people.ask("GET", f"{report}&{urlencode({'site_id': SITE, 'filters': 'visit:country==AT'})}", link)
    assert both.json() == page.json()


def test_link_numbers_match_the_definitions(people: People, rows: list[reference.Row]) -> None:
    random = Random("numbers")
    for _ in range(12):
        of_link = some_filters(random)
        found = json.loads(asked(people, people.link(filters=json.dumps(of_link)), "/api/stats/main?period=7d", []))
        wanted = reference.headline([row for row in rows if row["event_name"] != ENGAGEMENT], of_link)
        assert {name: found[name] for name in wanted} == pytest.approx(wanted), of_link


def test_current_visitors_of_a_shared_link_are_filtered(people: People) -> None:
    for browser in ("Firefox/128.0", "Chrome/126.0.0.0 Safari/537.36", "Firefox/127.0"):
        agent = f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Gecko/20100101 {browser}"
        body = json.dumps({"d": PUBLIC, "n": "pageview", "u": "/"})
        assert people.ask("POST", "/api/event", {"user-agent": agent}, content=body).status_code == 202
    path = f"/api/stats/main?site_id={PUBLIC}&period=realtime"
    link = people.link(PUBLIC, json.dumps([["is", "visit:browser", ["Firefox"]]]))
    of_v1 = f"/api/v1/stats/realtime/visitors?site_id={PUBLIC}"
    assert [people.ask("GET", of_v1, who).json() for who in (people.headers("Admin key"), link)] == [3, 2]
    seen = [people.ask("GET", path, who).json() for who in (people.headers("Admin key"), link)]
    assert [(each["current_visitors"], each["unique_visitors"]) for each in seen] == [(3, 3), (2, 2)]


def test_link_filters_match_some_but_not_all_events(people: People) -> None:
    """Else the tests above would compare nothing with nothing."""
    everything = asked(people, people.headers("Admin key"), "/api/stats/main?period=7d", [])
    for each in [*LEAVES, *NESTED]:
        told = asked(people, people.link(filters=json.dumps([each])), "/api/stats/main?period=7d", [])
        assert told != everything
        assert 0 < json.loads(told)["events"] < json.loads(everything)["events"], each


def test_reports_are_all_compared(people: People) -> None:
    compared = {each.partition("?")[0].replace("/pages", "/{dimension}") for each in [*reports(), *V1_REPORTS.split()]}
    parts = ("/api/stats/", "/api/v1/stats/", "/api/v2/")
    found = {route.split()[1] for route in people.routes() if any(part in route for part in parts)}
    assert found - compared - {"/api/v1/stats/realtime/visitors"} == NOT_NARROWED


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
@pytest.mark.parametrize("filters", ["", json.dumps(LEAVES[:1])])
def test_link_cannot_export_events(people: People, form: str, filters: str) -> None:
    path = f"/api/stats/export?site_id={SITE}&period=7d&what=events&format={form}"
    answer = people.ask("GET", path, people.link(filters=filters))
    assert (answer.status_code, list(answer.json())) == (403, ["error"])


def test_link_lists_only_its_own_site(people: People) -> None:
    everything = people.ask("GET", "/api/sites", people.headers("Admin key")).json()
    assert {each["site_id"] for each in everything} >= {SITE, OTHER}
    assert people.ask("GET", "/api/sites", people.link()).json() == [{"site_id": SITE}]
    assert people.ask("GET", "/api/sites", people.link(OTHER)).json() == [{"site_id": OTHER}]


def test_cached_owner_response_is_not_served_to_a_link(people: People) -> None:
    """Both ask the very same address, one right after the other, also for what a browser has already."""
    path = f"/api/stats/main?site_id={SITE}&period=7d"
    full = people.ask("GET", path, people.headers("Admin key"))
    link = people.link(filters=json.dumps(LEAVES[:1]))
    narrowed = people.ask("GET", path, link)
    assert narrowed.json()["events"] < full.json()["events"]
    again = people.ask("GET", path, {**link, "if-none-match": full.headers["etag"]})
    assert (again.status_code, again.content) == (200, narrowed.content)
    assert "no-store" in narrowed.headers["cache-control"] or "private" in narrowed.headers["cache-control"]
