"""Writes docs/api.md from the application's own description of itself (OpenAPI): `make docs`."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from mallard.api.app import create_app
from mallard.api.routes.health_routes import health_routes
from mallard.auth.setup import Setup
from mallard.bootstrap.access import open_auth
from mallard.config import Settings
from mallard.store.local import LocalStore

PAGE = Path(__file__).with_name("api.md")

HEAD = """\
# The API, endpoint by endpoint

Written by `make docs` from the application's own description, the one at `/openapi.json`; change the code, not this
page. A running server shows it at `/docs`, where it can be tried. What the numbers mean stands in [query.md](query.md)
and [behaviour.md](behaviour.md), filters in [filters.md](filters.md), who may ask in [auth.md](auth.md). Events are
sent to `POST /api/event`, `GET /api/event` and `POST /api/events`: [ingest.md](ingest.md).

Every error is `{"error": "<one sentence>"}`, with `request_id` beside it where the fault is ours.

## Who asks

Each endpoint says what it takes: one of these is enough. A scope is the least that a key needs: `Admin` includes
`ReadOnly`, and a login includes both. "Some of it is for everyone" means the numbers of public sites, the bare status
at `/health/detailed`, and `/metrics` where no token is set.
"""

TITLES = {
    "stats": "Numbers",
    "behaviour": "What visitors do",
    "query": "Queries",
    "sites": "Sites",
    "auth": "Getting in",
    "health": "Health",
}
"""By tag, in the order in which they stand on the page."""

ALWAYS = {"400", "401", "403", "404", "405", "409", "413", "415", "422", "429", "500", "503", "504"}
"""Statuses of refusals and faults, which have the same shape everywhere."""


def description() -> dict[str, Any]:
    """The OpenAPI of what `mallard serve` answers. Nothing is asked, so nothing needs to be there."""
    with tempfile.TemporaryDirectory() as folder:
        auth = open_auth(Settings(), LocalStore(Path(folder)), secret=b"", setup=Setup(True, ""))
        unused = cast(Any, None)
        app = create_app(
            engine=unused, sites=list, clock=lambda: datetime.now(UTC), erase=unused, auth=auth, address_of=lambda _: ""
        )
        app.include_router(health_routes(unused, auth, lambda _: None))
        return app.openapi()


def page(api: dict[str, Any]) -> str:
    """The whole page."""
    operations = [
        (method.upper(), path, operation)
        for path, found in api["paths"].items()
        for method, operation in found.items()
        if method != "head"
    ]
    parts = [
        HEAD,
        *_table(("name", "sent as", "what it is"), list(map(_scheme, api["components"]["securitySchemes"].items()))),
    ]
    for tag in [*TITLES, *sorted({operation["tags"][0] for *_, operation in operations} - set(TITLES))]:
        members = [each for each in operations if each[2]["tags"][0] == tag]
        if members:
            parts += [f"## {TITLES.get(tag, tag.capitalize())}\n", *(_operation(*each) for each in members)]
    schemas = {name: each for name, each in api["components"]["schemas"].items() if "properties" in each}
    parts += ["## Shapes\n", *(_shape(name, schemas[name]) for name in sorted(schemas) if _is_ours(name))]
    return "\n".join(parts)


def _is_ours(name: str) -> bool:
    """FastAPI describes its own refusals too, which this API never sends."""
    return name not in ("HTTPValidationError", "ValidationError")


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    lines = [f"### `{method} {path}`", "", operation.get("description", "").replace("\n", " "), ""]
    lines += [_asking(operation.get("security", [])), ""]
    rows = [_parameter(each) for each in operation.get("parameters", [])]
    lines += _table(("parameter", "in", "meaning"), rows)
    if body := operation.get("requestBody"):
        lines += [f"Body: {_content(body['content'])}.", ""]
    answers = [
        f"{status}: {_content(found['content']) if found.get('content') else found['description']}"
        for status, found in operation["responses"].items()
        if status not in ALWAYS or (status == "503" and "content" in found and found["description"] == "Not ready")
    ]
    return "\n".join([*lines, f"Answers {'; '.join(answers)}.", ""])


def _scheme(item: tuple[str, dict[str, Any]]) -> tuple[str, ...]:
    name, scheme = item
    place = "Authorization: Bearer" if scheme["type"] == "http" else scheme["name"]
    return f"`{name}`", f"`{place}`{' (cookie)' if scheme.get('in') == 'cookie' else ''}", _cell(scheme["description"])


def _asking(security: list[dict[str, list[str]]]) -> str:
    """What must be shown; an empty alternative is nothing."""
    ways = [
        f"`{name}`" + (f" ({', '.join(scopes)})" if scopes else "")
        for each in security
        for name, scopes in each.items()
    ]
    if not ways:
        return "For everyone."
    return f"Takes {' or '.join(ways)}." + (" Some of it is for everyone." if {} in security else "")


def _parameter(each: dict[str, Any]) -> tuple[str, ...]:
    meaning = each.get("description") or each["schema"].get("description") or ""
    return f"`{each['name']}`", each["in"], _cell(meaning)


def _content(content: dict[str, Any]) -> str:
    return " or ".join(
        f"`{media}`" if not found.get("schema") else _kind(found["schema"]) for media, found in sorted(content.items())
    )


def _shape(name: str, schema: dict[str, Any]) -> str:
    needed = set(schema.get("required", ()))
    rows = [
        (f"`{key}`", _kind(each) + ("" if key in needed else ", may be absent"), _cell(each.get("description", "")))
        for key, each in schema["properties"].items()
    ]
    about = schema.get("description", "").replace("\n", " ")
    return "\n".join([f"### {name}", "", *([about, ""] if about else []), *_table(("key", "type", "meaning"), rows)])


def _kind(schema: dict[str, Any]) -> str:
    """A type in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_kind(each) for each in schema[word]))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{each}`" for each in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type", "JSON"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return {"string": str(schema.get("format", "text")), "integer": "whole number"}.get(kind, kind)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    return [_row(head), _row(("---",) * len(head)), *map(_row, rows), ""]


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text that stays in its cell, and is no link where it only looks like one."""
    return text.replace("\n", " ").replace("|", "\\|").replace("](", "] (")


def _changed(new: str) -> Iterator[str]:
    old = PAGE.read_text("utf-8") if PAGE.exists() else ""
    if old != new:
        PAGE.write_text(new, "utf-8")
        yield f"{PAGE.name} written."


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in _changed(page(description())))
