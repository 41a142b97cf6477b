"""What stands in the documents for monitors names metrics that there are, and is what the monitors understand."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.operate import MONITOR, ask, guarded
from support.peers import apt_program

DOCS = Path(__file__).parents[2] / "docs"
NAME = re.compile(r"\bmallard_[a-z0-9_]+")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """/metrics of a server that has flushed once."""
    with guarded(tmp_path_factory.mktemp("monitoring") / "data", MALLARD_FLUSH_COUNT="1") as server:
        assert server.send() == 202
        text = ""
        while "mallard_last_flush_timestamp_seconds" not in text:
            text = ask(server, "/metrics", headers=MONITOR)[1]
        yield text


@pytest.fixture(scope="module")
def names(page: str) -> set[str]:
    """Every name that a monitor can ask for."""
    return {sample.name for family in text_string_to_metric_families(page) for sample in family.samples}


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DOCS / "prometheus-alerts.yml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DOCS / "grafana" / "mallard.json").read_text())["panels"]
    return found


def test_alerts_use_only_existing_metrics(names: set[str]) -> None:
    for rule in alerts():
        assert set(NAME.findall(rule["expr"])) <= names, rule["alert"]


def test_panels_use_only_existing_metrics(names: set[str]) -> None:
    for panel in panels():
        asked = {name for target in panel["targets"] for name in NAME.findall(target["expr"])}
        assert asked, panel["title"]
        assert asked <= names, panel["title"]


def test_monitoring_dashboard_shows_every_changing_metric(names: set[str]) -> None:
    shown = {name for panel in panels() for target in panel["targets"] for name in NAME.findall(target["expr"])}
    still = {"mallard_auth_configured", "mallard_geoip_loaded", "mallard_filter_bots", "mallard_cache_entries"}
    assert {name for name in names if not name.endswith(("_sum", "_count", "_created"))} - still <= shown


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_documented_metrics_match_the_server(page: str) -> None:
    rows = re.findall(r"^\| `(mallard_\w+)` \| (\w+) \| (.+) \|$", (DOCS / "metrics.md").read_text(), re.MULTILINE)
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    meanings = dict(re.findall(r"^# HELP (\S+) (.+)$", page, re.MULTILINE))
    assert rows == [(name, kinds[name], meanings[name]) for name in kinds]


def test_alerts_are_all_documented() -> None:
    text = (DOCS / "metrics.md").read_text()
    for rule in alerts():
        assert f"`{rule['alert']}`" in text


@pytest.mark.heavy
def test_metrics_page_passes_promtool(page: str) -> None:
    promtool = apt_program("promtool")
    assert promtool is not None
    ended = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


UNIT_TESTS = """
rule_files: ["{rules}"]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{ series: 'mallard_oldest_event_seconds{{instance="a"}}', values: "0+60x60" }}
      - {{ series: 'mallard_oldest_event_seconds{{instance="b"}}', values: "30x60" }}
      - {{ series: 'mallard_ready{{instance="a", part="store"}}', values: "1x10 0x50" }}
      - {{ series: 'mallard_ready{{instance="a", part="queue"}}', values: "1x60" }}
      - {{ series: 'mallard_flush_failures_total{{instance="a"}}', values: "0x10 0+1x50" }}
      - {{ series: 'mallard_disk_free_bytes{{instance="a"}}', values: "5e9-1e8x60" }}
    alert_rule_test:
      - {{ eval_time: 18m, alertname: MallardEventsWait, exp_alerts: [] }}
      - {{ eval_time: 14m, alertname: MallardIsNotReady, exp_alerts: [] }}
      - eval_time: 17m
        alertname: MallardIsNotReady
        exp_alerts:
          - exp_labels: {{ severity: critical, instance: a, part: store }}
            exp_annotations:
              summary: "The store of a cannot do its work; `mallard doctor` says why"
      - eval_time: 25m
        alertname: MallardEventsWait
        exp_alerts:
          - exp_labels: {{ severity: warning, instance: a }}
            exp_annotations:
              summary: "Events of a wait for 25m 0s: flushes do not get through"
      - eval_time: 30m
        alertname: MallardFlushesFail
        exp_alerts:
          - exp_labels: {{ severity: warning, instance: a }}
            exp_annotations:
              summary: "Flushes of a fail again and again; nothing is lost yet, the log says why"
      - {{ eval_time: 45m, alertname: MallardDiskIsFilling, exp_alerts: [] }}
      - {{ eval_time: 45m, alertname: MallardSetsEventsAside, exp_alerts: [] }}
"""


@pytest.mark.heavy
def test_alerts_fire_when_due_and_not_before(tmp_path: Path) -> None:
    promtool = apt_program("promtool")
    assert promtool is not None
    file = tmp_path / "tests.yml"
    file.write_text(UNIT_TESTS.format(rules=DOCS / "prometheus-alerts.yml"))
    ended = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
