"""Public lists of agents that the product does not use: read from their installed packages, for measuring only."""

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml_rs


@dataclass(frozen=True)
class Labelled:
    """A real agent and what its list says of it; None where it does not say, or where we have no such word."""

    user_agent: str
    browser: str | None
    os: str | None
    headers: tuple[tuple[str, str], ...] = ()


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@cache
def crawlers() -> list[str]:
    """Every agent that ``crawler-user-agents`` gives as an instance of its patterns."""
    listed = json.loads((_folder("crawleruseragents") / "crawler-user-agents.json").read_text("utf-8"))
    return [agent for each in listed for agent in each["instances"]]


@cache
def ai_crawlers() -> list[str]:
    """Those of the crawlers that the list tags so."""
    listed = json.loads((_folder("crawleruseragents") / "crawler-user-agents.json").read_text("utf-8"))
    return [agent for each in listed if "ai-crawler" in each["tags"] for agent in each["instances"]]


@cache
def people() -> list[Labelled]:
    """The browsers that ``fake-useragent`` collected from visits."""
    lines = (_folder("fake_useragent") / "data" / "browsers.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Labelled(row["useragent"], row["browser"], row["os"]) for row in rows]


@cache
def detector_bots() -> list[str]:
    """The agents that ``device-detector`` labels as bots."""
    return [row["user_agent"] for row in _detector_rows() if "bot" in row]


@cache
def detector_browsers() -> list[Labelled]:
    """Those it labels as browsers, of the kind that can run a script: all of them begin with Mozilla/5.0."""
    return [
        Labelled(row["user_agent"], row["client"]["name"], (row.get("os") or {}).get("name"), _headers(row))
        for row in _detector_rows()
        if "bot" not in row
        and (row.get("client") or {}).get("type") == "browser"
        and row["user_agent"].startswith("Mozilla/5.0")
    ]


def _headers(row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    headers = row.get("headers") or {}
    return tuple((name.lower(), value) for name, value in headers.items() if isinstance(value, str))


@cache
def _detector_rows() -> list[dict[str, Any]]:
    return list(_read_detector())


def _read_detector() -> Iterator[dict[str, Any]]:
    for file in sorted((_folder("device_detector") / "tests").rglob("*.yml")):
        rows: Any = yaml_rs.loads(file.read_text("utf-8"))
        yield from rows
