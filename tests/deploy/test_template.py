"""The template against the code: headers, columns, layers, names of settings, and what CloudFront passes on."""

import importlib
import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from mallard.auth.login_sessions import COOKIE, SECURE_COOKIE
from mallard.config import Settings, load_settings, variable
from mallard.http.header_policy import DOCS_PAGE, PAGE, SCRIPT, SHARED_PAGE, completed
from mallard.ingest.enrich import client_hints
from mallard.ingest.enrich.cdn_headers import NAMES, SECRET_HEADER
from mallard.table.schema import EVENTS
from support.functions import ROOT, load

ATHENA_TYPES = {
    "bool": "boolean",
    "int64": "bigint",
    "int32": "int",
    "int16": "smallint",
    "timestamp[ms]": "timestamp",
    "string": "string",
    "decimal128(12, 2)": "decimal(12,2)",
}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """The template with ``!Ref X`` as ``X``."""
    yaml = importlib.import_module("yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        """Knows the tags of CloudFormation."""

    def plain(loader: Any, _: str, node: Any) -> Any:
        return getattr(loader, f"construct_{type(node).__name__.removesuffix('Node').lower()}")(node)

    Loader.add_multi_constructor("!", plain)
    found: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader=Loader)
    return found


def properties(template: dict[str, Any], name: str) -> Any:
    return template["Resources"][name]["Properties"]


def headers_of(given: dict[str, Any]) -> dict[str, str]:
    """What CloudFront adds by a response headers policy."""
    config = given["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    found = {each["Header"]: each["Value"] for each in config["CustomHeadersConfig"]["Items"]}
    found["content-security-policy"] = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    found["x-content-type-options"] = "nosniff" if "ContentTypeOptions" in security else ""
    found["referrer-policy"] = security["ReferrerPolicy"]["ReferrerPolicy"]
    found["strict-transport-security"] = f"max-age={security['StrictTransportSecurity']['AccessControlMaxAgeSec']}"
    if "FrameOptions" in security:
        found["x-frame-options"] = security["FrameOptions"]["FrameOption"]
    if "CorsConfig" in config:
        found["access-control-allow-origin"] = ",".join(config["CorsConfig"]["AccessControlAllowOrigins"]["Items"])
    return found


@pytest.mark.parametrize(
    ("name", "page"),
    [("PageHeaders", PAGE), ("SharedPageHeaders", SHARED_PAGE), ("DocsHeaders", DOCS_PAGE), ("ScriptHeaders", SCRIPT)],
)
def test_cloudfront_pages_have_the_headers_of_the_server(
    template: dict[str, Any], name: str, page: dict[str, str]
) -> None:
    wanted = {**completed(page, is_tls=True), **page}
    # That stands at the object.
    del wanted["cache-control"]
    assert headers_of(properties(template, name)) == wanted


def test_preflight_reaches_the_function_with_the_headers_it_asks_for(template: dict[str, Any]) -> None:
    """CORS of the gateway's own would answer in the function's place, with a fixed list."""
    assert "CorsConfiguration" not in properties(template, "Api")
    assert "Cors" not in properties(template, "IngestUrl")
    config = properties(template, "ApiCachePolicy")["CachePolicyConfig"]
    passed = config["ParametersInCacheKeyAndForwardedToOrigin"]["HeadersConfig"]["Headers"]
    assert {"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"} <= set(passed)


def test_frame_embedding_is_allowed_for_the_shared_page_only(template: dict[str, Any]) -> None:
    behaviors = properties(template, "Distribution")["DistributionConfig"]["CacheBehaviors"]
    by_path = {each["PathPattern"]: each.get("ResponseHeadersPolicyId") for each in behaviors}
    assert [path for path, policy in by_path.items() if policy == "SharedPageHeaders"] == ["/share.html"]


def test_athena_has_the_columns_of_the_table_in_their_order(template: dict[str, Any]) -> None:
    table = properties(template, "EventsTable")["TableInput"]
    columns = [(each["Name"], each["Type"]) for each in table["StorageDescriptor"]["Columns"]]
    assert columns == [(each.name, ATHENA_TYPES[str(each.type)]) for each in EVENTS]
    assert [each["Name"] for each in table["PartitionKeys"]] == ["site_id", "date"]
    location = table["Parameters"]["storage.location.template"].replace("${!", "${")
    assert location == "s3://${Bucket}/events/site_id=${site_id}/date=${date}/"


def test_the_sizes_are_counted_with_the_layers_of_the_template(template: dict[str, Any]) -> None:
    functions = {name: each for name, each in template["Resources"].items() if "Layers" in each.get("Properties", {})}
    layers = {
        name: tuple(layer for layer in each["Properties"]["Layers"] if isinstance(layer, str))
        for name, each in functions.items()
    }
    assert layers == load(ROOT / "deploy" / "sizes.py").LAYERS


def test_every_variable_of_a_function_is_a_setting(template: dict[str, Any]) -> None:
    known = {variable(each.name) for each in fields(Settings)}
    given = set(template["Globals"]["Function"]["Environment"]["Variables"])
    for name in ("IngestFunction", "FlushFunction", "QueryFunction"):
        given |= set(properties(template, name)["Environment"]["Variables"])
    assert len(given) > 15
    assert given - known == set()


def test_cloudfront_forwards_every_header_in_use_except_host(template: dict[str, Any]) -> None:
    key = properties(template, "ApiCachePolicy")["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
    request = properties(template, "ApiRequestPolicy")["OriginRequestPolicyConfig"]
    lists = [each["HeadersConfig"]["Headers"] for each in (key, request)]
    assert [len(each) <= 10 for each in lists] == [True, True], "CloudFront's limit"
    passed = {name.lower() for each in lists for name in each}
    edge = NAMES["cloudfront"]
    read = {"user-agent", "origin", "accept-language", "sec-gpc", "dnt", "authorization", "x-api-key", "sec-fetch-site"}
    read |= set(client_hints.HEADERS) | {edge.address, edge.country, edge.region, edge.city}
    assert read - passed == set()
    assert "host" not in passed
    assert key["CookiesConfig"]["Cookies"] == [COOKIE, SECURE_COOKIE]


def test_cloudfront_does_not_cache_the_api_by_default(template: dict[str, Any]) -> None:
    policy = properties(template, "ApiCachePolicy")["CachePolicyConfig"]
    assert (policy["MinTTL"], policy["DefaultTTL"]) == (0, 0)


def test_edge_secret_is_added_to_every_function_origin(template: dict[str, Any]) -> None:
    origins = properties(template, "Distribution")["DistributionConfig"]["Origins"]
    added = {each["Id"]: [h["HeaderName"].lower() for h in each.get("OriginCustomHeaders", [])] for each in origins}
    assert added == {"site": [], "ingest": [SECRET_HEADER], "query": [SECRET_HEADER]}


def test_api_paths_are_routed_to_functions_by_cdn_and_gateway(template: dict[str, Any]) -> None:
    behaviors = properties(template, "Distribution")["DistributionConfig"]["CacheBehaviors"]
    by_cdn = {each["PathPattern"]: each["TargetOriginId"] for each in behaviors if each["TargetOriginId"] != "site"}
    assert by_cdn == {
        "/api/event": "ingest",
        "/api/events": "ingest",
        "/api/*": "query",
        "/auth/*": "query",
        "/health*": "query",
        "/metrics": "query",
        "/openapi.json": "query",
        "/.well-known/security.txt": "query",
    }
    routes = {
        each["Properties"]["RouteKey"].removeprefix("ANY "): each["Properties"]["Target"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::ApiGatewayV2::Route"
    }
    assert {path for path, target in routes.items() if "Ingest" in target} == {"/api/event", "/api/events"}
    led = {path.replace("/{proxy+}", "/*") for path, target in routes.items() if "Query" in target}
    assert led == {
        "/api/*",
        "/auth/*",
        "/health",
        "/health/*",
        "/metrics",
        "/openapi.json",
        "/.well-known/security.txt",
    }


@pytest.mark.parametrize(
    ("given", "is_one"),
    [
        ("", True),
        ("mailto:security@example.com", True),
        ("mailto:security@example.com,https://example.com/report", True),
        ("security@example.com", False),
        ("http://example.com/report", False),
        ("mailto:a@example.com,", False),
        ("mailto:a@example.com,b@example.com", False),
    ],
)
def test_security_contact_pattern_of_the_template_matches_the_setting(
    template: dict[str, Any], given: str, is_one: bool
) -> None:
    pattern = template["Parameters"]["SecurityContact"]["AllowedPattern"]
    assert bool(re.search(pattern, given)) is is_one
    if is_one:
        assert load_settings({"MALLARD_SECURITY_CONTACT": given}).security_contact == tuple(
            filter(None, given.split(","))
        )


def test_the_function_at_the_edge_sorts_the_parts_of_a_script(template: dict[str, Any], tmp_path: Path) -> None:
    code = properties(template, "ScriptNames")["FunctionCode"]
    assert len(code) < 10_000
    asked = ["/tracking/script.outbound.404.hash.js", "/tracking/script.js", "/tracking/script.keep-query.js", "/x.js"]
    names = ["/js/script.hash.404.js", "/js/plausible.js", "/js/pa-A_b-1.js"]
    asked += ["/js/other.js", *names]
    program = (
        f"{code}\nconsole.log(JSON.stringify({json.dumps(asked)}.map((uri) => handler({{request: {{uri}}}}).uri)))"
    )
    (tmp_path / "edge.js").write_text(program)
    ended = subprocess.run(["node", "edge.js"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(ended.stdout) == ["/tracking/script.404.hash.outbound.js", *asked[1:-3], *["/js/script.js"] * 3]


def test_the_dashboard_of_cloudwatch_is_json(template: dict[str, Any]) -> None:
    body = re.sub(r"\$\{[^}]+\}", "x", properties(template, "Dashboard")["DashboardBody"])
    assert len(json.loads(body)["widgets"]) == 6


def test_template_has_only_the_ten_free_alarms_by_default(template: dict[str, Any]) -> None:
    alarms = [each for each in template["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert len([each for each in alarms if "Condition" not in each]) == 10
    assert [each["Condition"] for each in alarms if "Condition" in each] == ["HasAlarmTopic"]


def test_template_parameters_have_descriptions(template: dict[str, Any]) -> None:
    for name, each in template["Parameters"].items():
        assert (
            each["Description"][0].isupper() or name == "Auth" or each["Description"].split()[0] in ("schedule", "off")
        )
        assert name == "Sites" or "Default" in each, name
