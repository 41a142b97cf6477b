"""Refreshes the curated lists that come from packages; `make lists` runs it."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

LISTS = Path(__file__).parents[1] / "layers" / "common" / "mallard" / "ingest" / "enrich" / "lists"
AI_CRAWLERS = LISTS / "ai_crawlers.txt"
PACKAGE = "crawler-user-agents"

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")
"""Product tokens; the few patterns that are more than one stand in ai_crawlers_own.txt where they are wanted."""


def ai_crawlers() -> list[str]:
    """The product tokens of the crawlers that the package tags as those of AI services."""
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    return sorted(set(_tokens(CRAWLER_USER_AGENTS_DATA)), key=str.lower)


def _tokens(entries: list[dict[str, object]]) -> Iterator[str]:
    for entry in entries:
        tags, pattern = entry.get("tags"), str(entry["pattern"])
        if isinstance(tags, list) and "ai-crawler" in tags:
            token = re.sub(r"\\(.)", r"\1", pattern).rstrip("/ ")
            if _TOKEN.fullmatch(token):
                yield token


def rendered(tokens: list[str], date: str) -> str:
    """The file, with its source, version, licence and date."""
    head = (
        "# Product tokens of crawlers and fetchers of AI services, one a line.",
        f"# Source: {PACKAGE} {version(PACKAGE)} (PyPI), entries tagged ai-crawler.",
        "# Licence: MIT.",
        f"# Date: {date}.",
        "# Written by `make lists`; additions stand in ai_crawlers_own.txt.",
    )
    return "\n".join((*head, *tokens)) + "\n"


def main() -> int:
    """Write each list whose entries differ from the package's."""
    tokens = ai_crawlers()
    before = AI_CRAWLERS.read_text("utf-8").splitlines() if AI_CRAWLERS.exists() else []
    if [line for line in before if not line.startswith("#")] != tokens:
        AI_CRAWLERS.write_text(rendered(tokens, f"{datetime.now(UTC):%Y-%m-%d}"), "utf-8")
        print(f"{AI_CRAWLERS.name}: {len(tokens)} tokens of {PACKAGE} {version(PACKAGE)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
