"""The documents are whole: every command, endpoint, parameter and dimension there is stands in them."""

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

from mallard.api.app import create_app
from mallard.cli import parser
from mallard.stats.comparison import COMPARISONS
from mallard.stats.date_range import PERIODS
from mallard.stats.dimensions import DIMENSIONS
from support.open_access import auth_off, one_address

ROOT = Path(__file__).parents[1]


def commands() -> set[str]:
    (actions,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    return set(actions.choices)


def test_the_readme_lists_every_command() -> None:
    listed = set(re.findall(r"^\| `mallard (\w+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    assert listed == commands()


def test_every_endpoint_is_described() -> None:
    app = create_app(
        engine=lambda: None,  # type: ignore[arg-type, return-value]
        sites=list,
        clock=lambda: datetime.now(UTC),
        erase=lambda *_: None,  # type: ignore[arg-type]
        auth=auth_off(),
        address_of=one_address,
    )
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), f"{method} {path}"


def test_the_pages_of_the_api_have_every_endpoint_parameter_and_dimension() -> None:
    app = create_app(
        engine=lambda: None,  # type: ignore[arg-type, return-value]
        sites=list,
        clock=lambda: datetime.now(UTC),
        erase=lambda *_: None,  # type: ignore[arg-type]
        auth=auth_off(),
        address_of=one_address,
    )
    page = "".join((ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("query", "auth", "plausible"))
    for path, operations in app.openapi()["paths"].items():
        assert path in page, path
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                assert parameter["in"] != "query" or f"`{parameter['name']}`" in page, parameter["name"]
    for name in (*DIMENSIONS, *PERIODS, *COMPARISONS):
        assert f"`{name}`" in page, name
