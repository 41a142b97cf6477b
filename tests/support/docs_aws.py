"""Whether a command ``aws …`` of a document is one: services, operations and options are those that botocore knows."""

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name

from support.docs_facts import PLACEHOLDER

ALWAYS = {"--region", "--profile", "--output", "--query", "--endpoint-url", "--no-cli-pager", "--cli-input-json"}
"""Options of every operation that are the program's own."""

S3: dict[str, tuple[int, frozenset[str]]] = {
    "cp": (2, frozenset({"--recursive", "--exclude", "--include"})),
    "ls": (1, frozenset({"--recursive"})),
    "mb": (1, frozenset()),
    "rm": (1, frozenset({"--recursive", "--exclude", "--include"})),
    "sync": (2, frozenset({"--delete", "--exclude", "--include", "--exact-timestamps", "--dryrun"})),
}
"""The program's own commands for S3, with how many places they take; none of them is an operation of the service."""

FLAGS = {"--recursive", "--delete", "--exact-timestamps", "--dryrun", "--no-cli-pager"}


def complaints(words: Sequence[str]) -> Iterator[str]:
    """What is wrong with the words, of which the first is ``aws``."""
    shown = " ".join(words)
    if len(words) < 3:
        yield f"{shown}: there is no operation"
    elif words[1] == "s3":
        yield from _s3(words[2:], shown)
    elif words[1] not in _session().get_available_services():
        yield f"{shown}: there is no service {words[1]}"
    elif words[2] not in _operations(words[1]):
        yield f"{shown}: {words[1]} has no operation {words[2]}"
    else:
        yield from _operation(words, shown)


def _s3(words: Sequence[str], shown: str) -> Iterator[str]:
    if words[0] not in S3:
        yield f"{shown}: there is no aws s3 {words[0]}"
        return
    places, known = S3[words[0]]
    given, operands = _options(words[1:])
    for name in given.keys() - known - ALWAYS:
        yield f"{shown}: aws s3 {words[0]} has no {name}"
    if len(operands) != places:
        yield f"{shown}: there must be {places} places"
    if not any(each.startswith("s3://") or PLACEHOLDER.search(each) for each in operands):
        yield f"{shown}: no place is in a bucket"


def _operation(words: Sequence[str], shown: str) -> Iterator[str]:
    members, required = _operations(words[1])[words[2]]
    lists = {f"--{name}" for name, member in members.items() if member.type_name in ("list", "map", "structure")}
    given, operands = _options(words[3:], lists)
    for name, value in given.items():
        member = members.get(name.removeprefix("--")) or members.get(name.removeprefix("--no-"))
        if member is None and name not in ALWAYS:
            yield f"{shown}: {words[1]} {words[2]} has no {name}"
            continue
        allowed = getattr(member, "enum", None) or [value]
        if value not in allowed and not PLACEHOLDER.search(value):
            yield f"{shown}: {name} is one of {', '.join(allowed)}"
    for name in required - {name.removeprefix("--") for name in given}:
        yield f"{shown}: --{name} is missing"
    # The program's own addition: the file for the answer.
    if len(operands) != (list(words[1:3]) == ["lambda", "invoke"]):
        yield f"{shown}: {operands} belong to no option"


def _options(words: Sequence[str], lists: Collection[str] = ()) -> tuple[dict[str, str], list[str]]:
    """Options with their values, of ``lists`` as many as follow, and what belongs to none."""
    given: dict[str, str] = {}
    operands: list[str] = []
    last = ""
    for word in words:
        if word.startswith("--"):
            name, _, value = word.partition("=")
            given.setdefault(name, value)
            last = "" if value or name in FLAGS else name
        elif last:
            given[last] = word
            last = last if last in lists else ""
        else:
            operands.append(word)
    return given, operands


@cache
def _session() -> Any:
    return botocore.session.get_session()


@cache
def _operations(service: str) -> dict[str, tuple[dict[str, Any], frozenset[str]]]:
    """By operation: shapes of its members by option, and which must be given."""
    model = _session().get_service_model(service)
    found = {}
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        members = {xform_name(each, "-"): member for each, member in shape.members.items()} if shape else {}
        required = {xform_name(each, "-") for each in shape.required_members} if shape else set()
        found[xform_name(name, "-")] = (members, frozenset(required))
    return found
