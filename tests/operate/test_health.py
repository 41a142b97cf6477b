"""The health endpoints of a real server: what strangers learn, what the owner learns, and what monitors read."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.operate import MONITOR, SEED_METRICS, ask, guarded, log_in, make_key
from support.server import Server

SEED_KEYS = {
    "status",
    "version",
    "buffered_events",
    "auth_configured",
    "geoip_loaded",
    "filter_bots",
    "cache_entries",
    "cache_empty",
}
FLUSH_SECONDS = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with guarded(tmp_path_factory.mktemp("health") / "data", MALLARD_FLUSH_INTERVAL="1") as running:
        yield running


@pytest.fixture(scope="module")
def owner(server: Server) -> dict[str, str]:
    return log_in(server)


def detailed(server: Server, headers: dict[str, str] | None = None) -> dict[str, Any]:
    status, text = ask(server, "/health/detailed", headers=headers)
    assert status == 200
    found: dict[str, Any] = json.loads(text)
    return found


def samples(server: Server) -> dict[str, float]:
    """All samples, by name and labels as they are written."""
    status, text = ask(server, "/metrics", headers=MONITOR)
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in each.labels.items())
            found[each.name + (f"{{{labels}}}" if labels else "")] = each.value
    return found


def test_health_is_ok_for_everyone(server: Server) -> None:
    assert ask(server, "/health") == (200, "ok")


def test_working_instance_is_ready(server: Server) -> None:
    status, text = ask(server, "/health/ready")
    assert (status, json.loads(text)["status"]) == (200, "ready")


def test_health_details_are_hidden_without_a_valid_key(server: Server, owner: dict[str, str]) -> None:
    reader = make_key(server, owner, "ReadOnly")
    for headers in ({}, {"Authorization": "Bearer wrong"}, MONITOR, reader):
        assert detailed(server, headers) == {"status": "ok"}


def test_health_details_are_shown_to_the_owner_and_admin_keys(server: Server, owner: dict[str, str]) -> None:
    for headers in (owner, make_key(server, owner, "Admin")):
        found = detailed(server, headers)
        assert found.keys() >= SEED_KEYS | {"last_flush", "oldest_event_seconds", "checks", "disk_free_bytes"}
        assert (found["auth_configured"], found["geoip_loaded"], found["filter_bots"]) == (True, False, True)
        assert found["cache_empty"] is (found["cache_entries"] == 0)
        assert set(found["checks"]) == {"store", "queue"}


def test_flush_is_reported_in_health_metrics_and_log(server: Server, owner: dict[str, str]) -> None:
    before = samples(server)
    assert [server.send(u=f"/{page}") for page in range(3)] == [202] * 3
    assert server.send(user_agent="curl/8") == 202
    until = time.monotonic() + FLUSH_SECONDS
    while samples(server)['mallard_flush_rows_total{outcome="written"}'] < 3 and time.monotonic() < until:
        time.sleep(0.1)
    after = samples(server)

    def grown(name: str) -> float:
        return after[name] - before[name]

    assert grown("mallard_events_ingested_total") == 3
    assert grown('mallard_events_dropped_total{reason="bot"}') == 1
    assert grown('mallard_flush_rows_total{outcome="written"}') == 3
    assert grown("mallard_flush_duration_seconds_count") == grown("mallard_flush_partitions_total") >= 1
    assert grown("mallard_flush_duration_seconds_sum") > 0
    assert abs(after["mallard_last_flush_timestamp_seconds"] - time.time()) < FLUSH_SECONDS + 5
    last = detailed(server, owner)["last_flush"]
    assert (last["outcome"], last["partitions"]) == ("ok", 1)
    assert "flushed " in server.log()
    assert re.search(r" partitions in \d+\.\d\d s ", server.log())


def test_query_durations_are_counted_in_a_histogram(server: Server, owner: dict[str, str]) -> None:
    before = samples(server)
    assert ask(server, "/api/stats/main?site_id=example.com", headers=owner)[0] == 200
    assert ask(server, "/api/sites", headers=owner)[0] == 200
    after = samples(server)
    grown = {name: after[name] - before[name] for name in after if name.startswith("mallard_query")}
    assert (
        grown["mallard_query_duration_seconds_count"] == grown['mallard_query_duration_seconds_bucket{le="+Inf"}'] == 1
    )
    assert 0 < grown["mallard_query_duration_seconds_sum"] < 30
    assert grown["mallard_query_failures_total"] == 0


def test_failed_logins_are_counted(server: Server) -> None:
    before = samples(server)["mallard_login_failures_total"]
    assert ask(server, "/api/auth/login", {"password": "not-the-one-77"})[0] == 401
    assert samples(server)["mallard_login_failures_total"] == before + 1


def test_metrics_include_those_of_the_seed_with_help_texts(server: Server) -> None:
    text = ask(server, "/metrics", headers=MONITOR)[1]
    families = {each.name: each for each in text_string_to_metric_families(text)}
    names = {f"{each.name}_total" if each.type == "counter" else each.name for each in families.values()}
    assert names >= SEED_METRICS
    assert [each.name for each in families.values() if not each.documentation.endswith(".")] == []


def test_metrics_require_their_token(server: Server, owner: dict[str, str]) -> None:
    assert ask(server, "/metrics")[0] == 401
    assert ask(server, "/metrics", headers=owner)[0] == 401
    assert ask(server, "/metrics", headers=MONITOR)[0] == 200
