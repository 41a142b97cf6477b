"""What there is, read from where it is made: targets of make, parameters of the template, settings, routes."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any

import yaml
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from mallard.api.static_files import Scripts, find_static
from mallard.config import Settings, load_settings, variable
from mallard.errors import ConfigError
from mallard.server.embedded import Embedded
from support.docs_pages import ROOT, files
from support.proof_people import INGEST_METHODS

PLACEHOLDER = re.compile(r"\$|\.\.\.|…|<\w+>")
"""What stands for a value that the reader knows: nothing can be said of it."""


@cache
def make_targets() -> frozenset[str]:
    """What can be made by name."""
    return frozenset(re.findall(r"^([a-z][a-z-]*):(?!=)", _makefile(), re.MULTILINE))


@cache
def make_variables() -> frozenset[str]:
    """What may be given to make."""
    return frozenset(re.findall(r"^([A-Z]+) \?=", _makefile(), re.MULTILINE))


def _makefile() -> str:
    return (ROOT / "Makefile").read_text("utf-8")


@cache
def template_parameters() -> dict[str, dict[str, Any]]:
    """The parameters of template.yaml by name."""

    class Loader(yaml.SafeLoader):
        """Knows the tags of CloudFormation, and looks at none."""

    Loader.add_multi_constructor("!", lambda *_: None)
    found: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text("utf-8"), Loader=Loader)
    parameters: dict[str, dict[str, Any]] = found["Parameters"]
    return parameters


def parameter_complaints(word: str) -> Iterator[str]:
    """What is wrong with ``Key=Value`` as a parameter of the template."""
    name, given, value = word.partition("=")
    if not given:
        yield f"{word} is no Key=Value"
    elif name not in template_parameters():
        yield f"{name} is no parameter of template.yaml"
    elif not PLACEHOLDER.search(value):
        known = template_parameters()[name]
        allowed = [str(each) for each in known.get("AllowedValues", [value])]
        if value not in allowed or not re.search(known.get("AllowedPattern", ""), value):
            yield f"{word}: template.yaml does not allow that"


@cache
def settings() -> frozenset[str]:
    """Every ``MALLARD_*``."""
    return frozenset(variable(each.name) for each in fields(Settings))


def setting_complaints(name: str, value: str) -> Iterator[str]:
    """What is wrong with a setting, and with its value where it is one."""
    if name not in settings():
        yield f"{name} is no setting"
    elif value and not PLACEHOLDER.search(value):
        try:
            load_settings({name: value}, read_parameter=lambda _: "what a parameter holds")
        except ConfigError as error:
            yield str(error)


@cache
def _served() -> tuple[dict[str, frozenset[str]], dict[str, Any]]:
    """What a server answers: the methods of each path, and its OpenAPI."""
    found: dict[str, set[str]] = {path: set(methods) for path, methods in INGEST_METHODS.items()}
    with tempfile.TemporaryDirectory() as folder:
        server = Embedded(Settings(data_dir=folder))
        server.start()
        server.stop()
        application: Any = server._rest
    for route in iter_route_contexts(application.routes):
        if isinstance(route.original_route, Mount):
            found.setdefault(f"{route.original_route.path}/*", set()).update(("GET", "HEAD"))
        else:
            found.setdefault(str(route.path), set()).update(route.methods or ())
    return {path: frozenset(methods) for path, methods in found.items()}, application.openapi()


def routes() -> dict[str, frozenset[str]]:
    """The methods of every path that a server answers, by path; ``{name}`` is one segment, ``*`` a folder of files."""
    return _served()[0]


def operation(method: str, path: str) -> dict[str, Any] | None:
    """What its OpenAPI says of a method of a route."""
    found: dict[str, Any] | None = _served()[1]["paths"].get(path, {}).get(method.lower())
    return found


def route(path: str) -> str | None:
    """The route that answers a path; of the folder of the dashboard only what is there."""
    for known in routes():
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(known)), path):
            return known
    file = find_static()[0] / (path.lstrip("/") or "index.html")
    return "/*" if file.is_file() else None


def script_is_there(name: str) -> bool:
    """Whether the server gives a script of that name out."""
    return Scripts(find_static()[1]).text(name) is not None


@cache
def services() -> frozenset[str]:
    """The services of the compose files."""
    found = [each for each in files() if re.search(r"(^|/)(docker-)?compose[\w.-]*\.ya?ml$", each)]
    return frozenset(name for file in found for name in yaml.safe_load((ROOT / file).read_text("utf-8"))["services"])
