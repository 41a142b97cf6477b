"""Cost of a day of attack: computed from the template, under 25 dollars, and as docs/deploy.md says."""

import re
from dataclasses import replace
from typing import Any

import pytest
from bench.attack_cost import Function, Limits, behind_function_urls, day, in_account_of, public_site

from mallard.api.middleware.query_timeout import ANONYMOUS_SECONDS
from mallard.config import load_settings
from support.functions import ROOT
from support.templates import parsed

MOST_DOLLARS = 25
GATEWAY_SECONDS = 30
"""An HTTP API waits no longer for a function."""


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return parsed()


def properties(template: dict[str, Any], name: str) -> Any:
    return template["Resources"][name]["Properties"]


def number(template: dict[str, Any], value: Any) -> float:
    """A number, or the default of the parameter that it names."""
    return float(template["Parameters"][value]["Default"] if isinstance(value, str) else value)


def function(template: dict[str, Any], name: str) -> Function:
    given = properties(template, name)
    condition, most, otherwise = given["ReservedConcurrentExecutions"]
    assert (condition, otherwise) == ("Reserves", "AWS::NoValue")
    storage = given.get("EphemeralStorage", {"Size": 512})["Size"]
    return Function(number(template, most), given["MemorySize"], storage)


@pytest.fixture(scope="module")
def limits(template: dict[str, Any]) -> Limits:
    stage = properties(template, "Stage")
    routes = [each for each in template["Resources"].values() if each["Type"] == "AWS::ApiGatewayV2::Route"]
    names = {each["Properties"]["RouteKey"] for each in routes}
    named = stage["RouteSettings"]
    assert set(named) == {"ANY /api/event", "ANY /api/{proxy+}"}
    assert set(named) < names
    rate = {key: number(template, each["ThrottlingRateLimit"]) for key, each in named.items()}
    return Limits(
        rate["ANY /api/event"],
        rate["ANY /api/{proxy+}"],
        number(template, stage["DefaultRouteSettings"]["ThrottlingRateLimit"]),
        len(names - set(named)),
        function(template, "IngestFunction"),
        function(template, "FlushFunction"),
        function(template, "QueryFunction"),
        number(template, "NewSitesPerHour"),
        number(template, "FlushQuietSeconds"),
    )


def page() -> str:
    return (ROOT / "docs" / "deploy.md").read_text("utf-8")


def test_day_of_attack_costs_less_than_the_limit_with_the_defaults(limits: Limits, template: dict[str, Any]) -> None:
    assert template["Parameters"]["ReserveConcurrency"]["Default"] == "on"
    assert sum(day(limits).values()) < MOST_DOLLARS


def test_documented_cost_table_matches_the_template(limits: Limits) -> None:
    costs = day(limits)
    rows = [f"| {name} | {dollars:.2f} |" for name, dollars in costs.items()]
    rows.append(f"| **total** | **{sum(costs.values()):.2f}** |")
    assert "\n".join(rows) in page()


def test_sums_of_other_stacks_are_those_of_the_document(limits: Limits) -> None:
    new = sum(day(in_account_of(10, limits)).values())
    urls = day(behind_function_urls(limits))
    assert f"{new:.2f} USD in an account with ten executions" in page()
    assert f"{sum(urls.values()) - urls['HTTP API']:.2f} USD with `FrontDoor=FunctionUrl`" in page()
    assert f"{public_site(limits, 365):.2f} USD more for a public site with a year of data" in page()


def test_sum_grows_with_each_limit(limits: Limits) -> None:
    """A limit that is taken out of the model would not be missed."""
    before = sum(day(limits).values())
    for name in ("event_rate", "query_rate", "other_rate", "other_routes", "new_sites_per_hour"):
        assert sum(day(replace(limits, **{name: 2 * getattr(limits, name)})).values()) > before
    for name in ("ingest", "flush", "query"):
        twice = replace(getattr(limits, name), most_at_once=2 * getattr(limits, name).most_at_once)
        assert sum(day(replace(limits, **{name: twice})).values()) > before


def test_timeouts_grow_from_the_inside_outwards(template: dict[str, Any]) -> None:
    query = properties(template, "QueryFunction")
    variables = query["Environment"]["Variables"]
    seconds = load_settings({"MALLARD_QUERY_SECONDS": variables["MALLARD_QUERY_SECONDS"]}).query_seconds
    assert ANONYMOUS_SECONDS < seconds < query["Timeout"] < GATEWAY_SECONDS
    assert properties(template, "IngestFunction")["Timeout"] < GATEWAY_SECONDS
    origins = properties(template, "Distribution")["DistributionConfig"]["Origins"]
    waits = [each["CustomOriginConfig"]["OriginReadTimeout"] for each in origins if "CustomOriginConfig" in each]
    assert waits == [GATEWAY_SECONDS, GATEWAY_SECONDS]
    assert properties(template, "Queue")["VisibilityTimeout"] >= 6 * properties(template, "FlushFunction")["Timeout"]


def test_functions_refuse_requests_that_bypass_the_cdn(template: dict[str, Any]) -> None:
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["MALLARD_EDGE_ONLY"] == ["HasCdn", "true", "false"]
    for name in ("IngestFunction", "QueryFunction"):
        assert "MALLARD_EDGE_SECRET" in properties(template, name)["Environment"]["Variables"]


def test_alarms_cover_many_events_and_expensive_days(template: dict[str, Any]) -> None:
    alarm = template["Resources"]["ManyEventsAlarm"]
    assert (alarm["Condition"], alarm["Properties"]["MetricName"]) == ("HasAlarmTopic", "Invocations")
    most = number(template, "EventRate") * 3600
    assert number(template, alarm["Properties"]["Threshold"]) < most, "a throttled attack is told as well"
    budget = template["Resources"]["Budget"]
    assert (budget["Condition"], budget["Properties"]["Budget"]["TimeUnit"]) == ("HasBudget", "DAILY")
    assert template["Parameters"]["BudgetEmail"]["Default"] == ""


def test_cloudfront_caches_errors_for_a_second_and_requires_modern_tls(
    template: dict[str, Any],
) -> None:
    config = properties(template, "Distribution")["DistributionConfig"]
    kept = {each["ErrorCode"]: each["ErrorCachingMinTTL"] for each in config["CustomErrorResponses"]}
    assert set(kept.values()) == {1}
    assert {403, 404, 500, 502, 503, 504} <= set(kept)
    assert config["ViewerCertificate"][1]["MinimumProtocolVersion"] == "TLSv1.2_2021"


def test_every_number_of_the_document_is_a_default_of_the_template(template: dict[str, Any]) -> None:
    shown = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", page(), re.MULTILINE))
    assert set(shown) >= {"EventRate", "QueryRate", "IngestConcurrency", "QueryConcurrency", "FlushReserved"}
    assert {name: float(value) for name, value in shown.items()} == {name: number(template, name) for name in shown}
