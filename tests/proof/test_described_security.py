"""What the description says of who may ask is what the table says of who is answered what."""

import re
from typing import Any

import pytest

from support.functions import ROOT, load
from support.proof_table import TEMPLATES, Line, lines, rules

RULES = rules()


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    found: dict[str, Any] = load(ROOT / "docs" / "api_page.py").description()
    return found


def of_the_description(described: dict[str, Any], line: Line) -> dict[str, Any] | None:
    """The operation of a line of the table."""
    templates = [path for path, form in TEMPLATES.items() if re.fullmatch(form, line.path)]
    found: dict[str, Any] | None = described["paths"].get((templates or [line.path])[0], {}).get(line.method.lower())
    return found


@pytest.mark.parametrize("line", lines(), ids=str)
def test_openapi_security_of_an_operation_matches_its_rule(described: dict[str, Any], line: Line) -> None:
    operation = of_the_description(described, line)
    if operation is None:
        # Pages, events and old paths, which it does not describe.
        assert line.rule in ("open", "form", "end", "batch") or line.path.startswith("/auth/")
        return
    security, who = operation.get("security", [{}]), RULES[line.rule]
    if line.path == "/metrics":
        return
    # Of the export a part is for everyone, and of a public site the drops are.
    for_all = "ok" in (who["nobody"], who["nobody, public site"]) or line.path == "/api/stats/export"
    assert ({} in security) is for_all
    is_free = who["nobody"] == "ok" and line.path != "/health/detailed"
    scope = "ReadOnly" if who["ReadOnly key"] == "ok" and not line.path.startswith("/health") else "Admin"
    wanted = [] if is_free else [{"bearer": [scope]}, {"key": [scope]}, {"session": []}]
    assert [each for each in security if each] == wanted


def test_openapi_security_schemes_have_descriptions(described: dict[str, Any]) -> None:
    schemes = described["components"]["securitySchemes"]
    assert set(schemes) == {"bearer", "key", "session", "monitor"}
    assert all(each["description"] for each in schemes.values())


def test_openapi_security_of_metrics_is_the_monitor_token(described: dict[str, Any]) -> None:
    assert described["paths"]["/metrics"]["get"]["security"] == [{"monitor": []}, {}]
