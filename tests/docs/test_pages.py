"""Links, names and commands of all documents."""

from collections.abc import Callable, Iterable

import pytest

from support import docs_commands, docs_links, docs_names
from support.docs_pages import Page, pages

CHECKS: dict[str, Callable[[Page], Iterable[str]]] = {
    "links": docs_links.complaints,
    "names": docs_names.complaints,
    "commands": docs_commands.complaints,
}


@pytest.mark.parametrize("check", CHECKS)
def test_documents_have_no_complaints(check: str) -> None:
    found = {str(page.path): list(CHECKS[check](page)) for page in pages()}
    assert {path: complaints for path, complaints in found.items() if complaints} == {}


def test_documents_exist() -> None:
    names = {page.path.as_posix() for page in pages()}
    assert names > {"README.md", "SECURITY.md", "docs/api.md", "localstack/README.md", "tracker/README.md"}
    assert not any(name.startswith((".venv", "node_modules")) for name in names)


def test_docs_contain_the_blocks_spans_and_anchors_that_are_checked() -> None:
    """A pattern that finds nothing would complain of nothing."""
    blocks = [block.language for page in pages() for block in page.blocks]
    assert blocks.count("console") > 20
    assert sum(len(page.spans) for page in pages()) > 1000
    assert sum(len(page.anchors) for page in pages()) > 200
