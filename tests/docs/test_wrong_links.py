"""Check of links: each wrong one is reported, no right one is."""

from pathlib import Path

import pytest

from support.docs_links import complaints
from support.docs_pages import Page, slug

WRONG = {
    "[a](docs/nothing.md)": "is not there",
    "[a](docs/storage.md#no-such-heading)": "no such heading",
    "[a](#no-such-heading)": "no such heading",
    "[a](Docs/storage.md)": "is not there",
    "[a](/docs/storage.md)": "is not there",
    "[a](.venv/bin/python)": "is not there",
    '[a](docs/storage.md \'as it is\' "b")[c](docs/gone.md "d")': "docs/gone.md is not there",
    "![a](docs/no-picture.png)": "is not there",
    '<img src="docs/no-picture.png">': "is not there",
    '<a href="docs/nothing.md">a</a>': "is not there",
    "[a][b]": "[b] is defined nowhere",
    "[a][b]\n\n[b]: docs/nothing.md": "docs/nothing.md is not there",
    "[a](http://example.com/)": "is not https",
    "<http://example.com/>": "is not https",
    "[a](ftp://example.com/)": "is not https",
    "[a](https://example)": "names no host",
    "[a](https://me@example.com/)": "names no host",
    "[a](https://[example.com/)": "names no host",
    "[a](https://registry.example.com/duckdb)": "is a registry's",
    "[a](https://www.npmjs.example/duckdb)": "is a registry's",
    "[a](https://pypi.example.org/simple)": "is a registry's",
    "```sh\npip install -i https://pypi.example.org/simple duckdb\n```": "is a registry's",
    "`https://mirror.example.org/duckdb`": "is a registry's",
}
RIGHT = [
    "[a](docs/storage.md)",
    "[a](docs/)",
    "[a](docs/storage.md#guarantees)",
    "[a](docs/storage.md#rejected-alternatives)",
    "# One `two` & [three](x)\n[a](#one-two--three)".replace("(x)", "(docs/api.md)"),
    "# One\n# One\n[a](#one-1)",
    '<a id="here"></a>[a](#here)',
    "[a][b]\n\n[b]: <docs/storage.md>",
    "<http://127.0.0.1:8000/docs>",
    "[a](https://www.rfc-editor.org/rfc/rfc9116)",
    "`[a](docs/nothing.md)`",
    "```text\n[a](docs/nothing.md)\n```",
    "<!-- [a](docs/nothing.md) -->",
]


def found(text: str) -> list[str]:
    return list(complaints(Page(Path("README.md"), text)))


@pytest.mark.parametrize("text", WRONG)
def test_wrong_link_is_reported(text: str) -> None:
    (told,) = found(text)
    assert WRONG[text] in told


@pytest.mark.parametrize("text", RIGHT)
def test_right_link_is_not_reported(text: str) -> None:
    assert found(text) == []


def test_relative_link_is_resolved_from_the_folder_of_its_page() -> None:
    assert list(complaints(Page(Path("docs/a.md"), "[a](storage.md) [b](../README.md)"))) == []
    assert len(list(complaints(Page(Path("docs/a.md"), "[a](docs/storage.md) [b](README.md)")))) == 2


@pytest.mark.parametrize(
    ("title", "anchor"),
    [
        ("Rules for writers", "rules-for-writers"),
        ("`GET /api/stats/main`", "get-apistatsmain"),
        ("What it costs, and why", "what-it-costs-and-why"),
        ("snake_case – dash", "snake_case--dash"),
        ("Überblick", "überblick"),
    ],
)
def test_a_heading_s_anchor_is_github_s(title: str, anchor: str) -> None:
    assert slug(title) == anchor


def test_unclosed_block_is_reported() -> None:
    with pytest.raises(ValueError, match="has no end"):
        found("```sh\nmake run\n")


def test_headings_inside_code_blocks_are_ignored() -> None:
    assert found("```sh\n# one\n```\n[a](#one)") != []
