"""Settings and routes of the product, for the check of names in documents."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from functools import cache

from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from mallard.api.static_files import Scripts, find_static
from mallard.config import Settings, load_settings, variable
from mallard.errors import ConfigError
from mallard.server.embedded import Embedded
from support.proof_people import INGEST_METHODS

PLACEHOLDER = re.compile(r"\$|\.\.\.|…|<\w+>")
"""Placeholder of a value that the reader knows: nothing can be said of it."""


@cache
def settings() -> frozenset[str]:
    """Every ``MALLARD_*``."""
    return frozenset(variable(each.name) for each in fields(Settings))


def setting_complaints(name: str, value: str) -> Iterator[str]:
    """Faults of a setting's name, or else of its value."""
    if name not in settings():
        yield f"{name} is no setting"
    elif value and not PLACEHOLDER.search(value):
        try:
            load_settings({name: value}, read_parameter=lambda _: "what a parameter holds")
        except ConfigError as error:
            yield str(error)


@cache
def routes() -> dict[str, frozenset[str]]:
    """Methods by path of everything a server answers; ``{name}`` is one segment, ``*`` a folder of files."""
    found: dict[str, set[str]] = {path: set(methods) for path, methods in INGEST_METHODS.items()}
    with tempfile.TemporaryDirectory() as folder:
        server = Embedded(Settings(data_dir=folder))
        server.start()
        server.stop()
        known = server.routes()
    for route in iter_route_contexts(known):
        if isinstance(route.original_route, Mount):
            found.setdefault(f"{route.original_route.path}/*", set()).update(("GET", "HEAD"))
        else:
            found.setdefault(str(route.path), set()).update(route.methods or ())
    return {path: frozenset(methods) for path, methods in found.items()}


def route(path: str) -> str | None:
    """The route that answers a path; of the folder of the dashboard only what is there."""
    for known in routes():
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(known)), path):
            return known
    file = find_static()[0] / (path.lstrip("/") or "index.html")
    return "/*" if file.is_file() else None


def script_is_there(name: str) -> bool:
    """True where the server serves a script of that name."""
    return Scripts(find_static()[1]).text(name) is not None
