"""Check of one SQL statement: a SELECT over two views, without tables and functions that tell more."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

VIEWS = ("events", "visits")

TABLE_FUNCTIONS = frozenset(("range", "generate_series", "unnest", "repeat", "json_each", "json_tree"))
"""All others read files, settings or memory, or run SQL that is in a text."""

REFUSED_FUNCTIONS = frozenset(
    (
        "checkpoint",
        "current_catalog",
        "current_connection_id",
        "current_database",
        "current_query",
        "current_query_id",
        "current_role",
        "current_schema",
        "current_schemas",
        "current_setting",
        "current_transaction_id",
        "current_user",
        "currval",
        "format_type",
        "get_block_size",
        "getvariable",
        "in_search_path",
        "json_deserialize_sql",
        "json_execute_serialized_sql",
        "json_serialize_plan",
        "json_serialize_sql",
        "nextval",
        "parse_duckdb_log_message",
        "query",
        "query_table",
        "session_user",
        "sleep_ms",
        "txid_current",
        "user",
        "version",
        "which_secret",
        "write_log",
    )
)
REFUSED_PREFIXES = ("duckdb_", "pg_", "pragma_", "read_", "has_")

TABLES = frozenset(
    ("BASE_TABLE", "TABLE_FUNCTION", "SUBQUERY", "JOIN", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF")
)
NODES = frozenset(("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"))
SHOWN = frozenset(("DESCRIBE", "SUMMARY"))
_PLACES = frozenset(("from_table", "left", "right", "source", "node", "query"))
"""The keys below which a table or a whole query stands, where it is not an expression."""

_NAME = re.compile(r"\w+")

ONE_SELECT = "The SQL must be one SELECT statement; others, PIVOT among them, are not run."


class SqlRefused(Exception):  # noqa: N818  # no fault: the sentence is the answer
    """The SQL is not run; ``str()`` is one sentence."""


def check(serialized: str, system: Collection[str], views: Collection[str] = VIEWS) -> None:
    """SqlRefused where the statement, as ``json_serialize_sql`` gives it, may not run.

    ``views`` may be read, and so may names in WITH, which are none of ``system``: the tables and views that DuckDB has
    of its own, in lower case.
    """
    try:
        document = json.loads(serialized)
    except (ValueError, RecursionError):
        raise SqlRefused(ONE_SELECT) from None
    if document.get("error"):
        if document.get("error_type") == "parser":
            raise SqlRefused(f"The SQL cannot be read: {document.get('error_message', '')}.")
        raise SqlRefused(ONE_SELECT)
    statements = document.get("statements", [])
    if len(statements) != 1:
        raise SqlRefused(ONE_SELECT)
    try:
        _Check(frozenset(views), frozenset(system)).visit(statements[0]["node"], frozenset(views))
    except RecursionError:
        raise SqlRefused("The SQL is nested too deeply.") from None


class _Check:
    def __init__(self, views: frozenset[str], system: frozenset[str]) -> None:
        self._views = views
        self._system = system

    def visit(self, value: Any, scope: frozenset[str]) -> None:
        """Look at a part of the tree; ``scope`` are the names of tables there."""
        if isinstance(value, list):
            for each in value:
                self.visit(each, scope)
        elif isinstance(value, dict):
            scope = self._with_ctes(value, scope)
            self._look(value, scope)
            for key, each in value.items():
                if key != "cte_map":
                    _check_place(key, each)
                    self.visit(each, scope)

    def _with_ctes(self, value: Mapping[str, Any], scope: frozenset[str]) -> frozenset[str]:
        """The names behind a WITH. Each query of it sees those before it, and a recursive one itself."""
        for name, query in _ctes(value):
            lowered = name.lower()
            if lowered in self._system or not _NAME.fullmatch(name):
                raise SqlRefused(f"WITH names {name[:60]!r}, which DuckDB has another use for; take another name.")
            node = query.get("query", {}).get("node", {})
            is_recursive = node.get("type") == "RECURSIVE_CTE_NODE"
            self.visit(query, scope | {lowered} if is_recursive else scope)
            scope |= {lowered}
        return scope

    def _look(self, value: Mapping[str, Any], scope: frozenset[str]) -> None:
        kind = value.get("type")
        if kind == "BASE_TABLE":
            self._check_table(value, scope)
        elif kind == "SHOW_REF" and (value.get("show_type") not in SHOWN or not value.get("query")):
            raise SqlRefused(f"SHOW is not run; DESCRIBE and SUMMARIZE are, of {self._named()}.")
        elif kind == "TABLE_FUNCTION":
            function = value.get("function", {})
            _check_schema(function)
            name = str(function.get("function_name", ""))
            if name.lower() not in TABLE_FUNCTIONS:
                allowed = ", ".join(sorted(TABLE_FUNCTIONS))
                raise SqlRefused(f"FROM names the function {name[:60]!r}, but may name {allowed}.")
        elif "function_name" in value:
            _check_function(value)

    def _check_table(self, table: Mapping[str, Any], scope: frozenset[str]) -> None:
        name = str(table.get("table_name", ""))
        if table.get("schema_name") or table.get("catalog_name") or name.lower() not in scope:
            shown = ".".join(filter(None, (table.get("catalog_name"), table.get("schema_name"), name)))
            raise SqlRefused(f"FROM names {shown[:60]!r}, but the tables are {self._named()}.")

    def _named(self) -> str:
        return " and ".join(sorted(self._views))


def _ctes(value: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = value.get("cte_map")
    for each in found.get("map", []) if isinstance(found, dict) else []:
        yield str(each["key"]), each["value"]


def _check_place(key: str, value: Any) -> None:
    """SqlRefused for a kind of table that is not known here: a later DuckDB may have more."""
    if key in _PLACES and isinstance(value, dict) and "class" not in value:
        kind = value.get("type")
        if isinstance(kind, str) and kind not in TABLES | NODES:
            raise SqlRefused(f"The SQL reads a {kind[:60]!r}, which is not allowed.")


def _check_function(value: Mapping[str, Any]) -> None:
    _check_schema(value)
    name = str(value["function_name"]).lower()
    if name in REFUSED_FUNCTIONS or name.startswith(REFUSED_PREFIXES):
        raise SqlRefused(f"The function {name[:60]!r} is not allowed: it tells of DuckDB itself, not of the data.")


def _check_schema(function: Mapping[str, Any]) -> None:
    if function.get("catalog") or function.get("schema") not in (None, "", "main"):
        raise SqlRefused("The SQL names a function with its schema; write its name alone.")
