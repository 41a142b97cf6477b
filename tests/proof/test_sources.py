"""What holds of every source file: Bandit's rules, by ruff's ``S``, and SQL with no value in its text."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("layers/common/mallard", "functions", "localstack")
SOURCES = sorted(file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py"))
RUNS_SQL = {"execute", "executemany", "executescript", "sql"}

PUT_TOGETHER = {
    "engine/duckdb/group_sums.py": "names of measures and columns, and a count as engine/sql makes it",
    "engine/duckdb/locked_database.py": "the store's own folder, which is no request's",
    "engine/duckdb/sql_worker.py": "the folder of a query's files, and the caller's statement after its check",
    "queue/sqlite_erasure.py": "the name of a table, of two",
    "queue/sqlite_file.py": "as many question marks as there are values",
    "transfer/table_export.py": "the columns of the table",
    "transfer/formats/ndjson.py": "the name of a view of our own",
    "transfer/formats/plain_columns.py": "names of columns that are numbered here",
}
"""Where a statement is put together in the call that runs it, and of what: of nothing that a request holds."""


def settings_of_ruff() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    return found


def test_bandit_rules_are_enabled_for_the_whole_product() -> None:
    lint = settings_of_ruff()
    assert "S" in lint["select"]
    # Asserts say what is known, and guard nothing that a request could reach.
    assert {rule for rule in lint["ignore"] if rule.startswith("S")} == {"S101"}
    for place, rules in lint["per-file-ignores"].items():
        assert not place.startswith(PRODUCT) or not any(rule.startswith("S") for rule in rules)


def wrong_exception(line: str) -> bool:
    """Whether a line turns off a rule of security without a reason, or every rule."""
    found = re.search(r"noqa: ?[A-Z0-9, ]*\bS\d+", line)
    without_reason = found and not re.search(r"noqa: ?[A-Z]+\d+(, ?[A-Z]+\d+)*  # \w", line)
    return bool(without_reason or "nosec" in line or re.search(r"noqa(?!:)", line))


def test_security_rule_exceptions_have_a_reason() -> None:
    lines = [
        (f"{file.relative_to(ROOT)}:{number}", line)
        for file in SOURCES
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
    ]
    assert [place for place, line in lines if wrong_exception(line)] == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a = 1", False),
        ("a = b  # noqa: S608  # names of ours", False),
        ("a = b  # noqa: S608", True),
        ("a = b  # noqa", True),
        ("a = b  # nosec", True),
    ],
)
def test_the_search_sees_an_exception_without_a_reason(line: str, expected: bool) -> None:
    assert wrong_exception(line) is expected


def statements(file: Path) -> Iterator[ast.expr]:
    """What is handed to a database to run, a name replaced by what was put into it in the same file."""
    tree = ast.parse(file.read_text("utf-8"))
    made = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in RUNS_SQL:
            for first in call.args[:1]:
                yield made.get(first.id, first) if isinstance(first, ast.Name) else first


def is_put_together(statement: ast.expr) -> bool:
    """Whether it is more than a text, a file's text, or what another function answers for."""
    if isinstance(statement, ast.JoinedStr | ast.BinOp):
        return True
    function = statement.func if isinstance(statement, ast.Call) else None
    return isinstance(function, ast.Attribute) and function.attr == "format"


def test_sql_statements_are_constants_except_for_listed_ones() -> None:
    package = ROOT / "layers/common/mallard"
    found = Counter(
        str(file.relative_to(package)) if file.is_relative_to(package) else str(file.relative_to(ROOT))
        for file in SOURCES
        for statement in statements(file)
        if is_put_together(statement)
    )
    assert sorted(found) == sorted(PUT_TOGETHER)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("db.execute('SELECT 1')", False),
        ("db.execute(sql_file('a'), values)", False),
        ("db.execute(f'SELECT {a}')", True),
        ("db.execute('SELECT ' + a)", True),
        ("db.execute('SELECT %s' % a)", True),
        ("db.execute('SELECT {}'.format(a))", True),
        ("text = f'SELECT {a}'\ndb.execute(text)", True),
    ],
)
def test_statement_search_detects_composed_sql(tmp_path: Path, code: str, expected: bool) -> None:
    (tmp_path / "a.py").write_text(code)
    assert [is_put_together(each) for each in statements(tmp_path / "a.py")] == [expected]


def test_sources_execute_no_text() -> None:
    """Neither Python nor a shell nor a pickle. SQL of a caller runs in a process, whose program is ours."""
    dangerous = {"eval", "exec", "compile", "__import__"}
    modules = {"pickle", "marshal", "shelve", "yaml", "subprocess", "xml", "telnetlib", "ftplib"}
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in dangerous, file
            if isinstance(node, ast.Import):
                imported = {alias.name.partition(".")[0] for alias in node.names}
                assert not (modules & imported) or (file.name, imported) == ("sql_process.py", {"subprocess"}), file
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                assert node.module.partition(".")[0] not in modules, file
