"""Curated lists: their headers, and the one that comes from a package."""

import importlib.util
from pathlib import Path
from types import ModuleType

from mallard.ingest.enrich.bots import ai_crawler_tokens
from mallard.normalize.list_file import read_list

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "common" / "mallard"
HEADERS = ("# Source: ", "# Licence: ", "# Date: ")


def refresher() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lists", ROOT / "deploy" / "lists.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lists_name_their_source_licence_and_date() -> None:
    files = sorted(PACKAGE.rglob("lists/*.txt"))
    texts = {file.name: file.read_text("utf-8") for file in files}
    assert len(texts) == 6
    assert [(name, line) for name, text in texts.items() for line in HEADERS if f"\n{line}" not in text] == []


def test_ai_crawlers_are_those_of_the_pinned_package() -> None:
    lists = refresher()
    assert read_list(lists.AI_CRAWLERS) == lists.ai_crawlers()


def test_own_ai_crawlers_are_missing_from_the_package() -> None:
    lists = refresher()
    own = read_list(lists.LISTS / "ai_crawlers_own.txt")
    assert {each.lower() for each in own} & {each.lower() for each in lists.ai_crawlers()} == set()
    assert ai_crawler_tokens() == {*own, *lists.ai_crawlers()}
