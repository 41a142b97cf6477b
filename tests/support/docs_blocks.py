"""What is wrong with the fenced blocks of a page, by their language; one that is not in the table is a complaint."""

import configparser
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import yaml

from support import docs_code, docs_programs
from support.docs_facts import script_is_there
from support.docs_pages import ROOT, Block, Page
from support.docs_shell import Command, commands, script
from support.front import FRONTS, GUIDE

ATTRIBUTES = {"script": {"defer", "src"}, "meta": {"name", "content"}}
VOID = {"meta", "link", "img", "input", "br"}


def complaints(page: Page) -> Iterator[str]:
    """One sentence for each thing that is wrong, with the line of its block."""
    for block in page.blocks:
        check = LANGUAGES.get(block.language)
        found = check(block, page) if check else [f"nothing is known of the language {block.language}"]
        yield from (f"line {block.line}: {each}" for each in found)


def span_complaints(page: Page) -> Iterator[str]:
    """The same for commands in sentences."""
    for span in page.spans:
        words = span.split()
        if len(words) < 2 or not re.match(r"[\w./]*\w", words[0]) or not docs_programs.is_program(words[0]):
            continue
        try:
            yield from docs_programs.complaints(Command(tuple(shlex.split(span))), mentioned=True)
        except ValueError as error:
            yield f"{span}: {error}"


def _shell(block: Block, _: Page) -> Iterator[str]:
    text = script(block)
    if not text.strip():
        yield "no command is shown; output alone is text"
    try:
        found = list(commands(text))
    except ValueError as error:
        yield str(error)
        return
    ended = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False, timeout=30)
    yield from ended.stderr.splitlines()
    for command in found:
        yield from docs_programs.complaints(command)


def _text(block: Block, _: Page) -> Iterator[str]:
    """Output, tables and drawings; no command hides there."""
    yield from (f"{line} is a command in a block of text" for line in block.text.splitlines() if line[:2] == "$ ")


def _json(block: Block, _: Page) -> Iterator[str]:
    try:
        json.loads(block.text)
    except ValueError as error:
        yield f"no JSON: {error}"


def _yaml(block: Block, _: Page) -> Iterator[str]:
    try:
        yaml.safe_load(block.text)
    except yaml.YAMLError as error:
        yield f"no YAML: {error}"


def _toml(block: Block, _: Page) -> Iterator[str]:
    try:
        tomllib.loads(block.text)
    except tomllib.TOMLDecodeError as error:
        yield f"no TOML: {error}"


def _ini(block: Block, _: Page) -> Iterator[str]:
    try:
        configparser.RawConfigParser(strict=False).read_string(block.text)
    except configparser.Error as error:
        yield f"no INI: {error}"
    for line in re.findall(r"^ExecStart=(.+)$", block.text, re.MULTILINE):
        for command in commands(line):
            yield from docs_programs.complaints(command)


def _python(block: Block, _: Page) -> Iterator[str]:
    yield from docs_code.python_complaints(block.text)


def _sql(block: Block, _: Page) -> Iterator[str]:
    """DuckDB's, or SQLite's where it is of the queue."""
    wrong = list(docs_code.duckdb_complaints(block.text))
    if wrong and list(docs_code.queue_complaints(block.text)):
        yield from wrong


def _javascript(block: Block, _: Page) -> Iterator[str]:
    ended = subprocess.run(
        ["node", "--input-type=module", "--check", "-"],
        input=block.text, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if ended.returncode:
        yield f"no JavaScript: {ended.stderr.strip().splitlines()[0]}"
    said = (ROOT / "tracker" / "mallard.d.ts").read_text("utf-8")
    for names, module in re.findall(r"import \{([^}]+)\} from \"([^\"]+)\"", block.text):
        if module != json.loads((ROOT / "tracker" / "package.json").read_text("utf-8"))["name"]:
            yield f"{module} is no module of ours"
        for name in re.findall(r"\w+", names):
            if not re.search(rf"export (declare )?(const|function|type|interface) [^;]*\b{name}\b", said):
                yield f"the module has no {name}"


class _Tags(HTMLParser):
    """Tags as they come, and those that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unopened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1:] == [tag]:
            self.open.pop()
        else:
            self.unopened.append(tag)


def _html(block: Block, _: Page) -> Iterator[str]:
    """Tags that end, scripts that the server gives out, and attributes that the script reads."""
    tags = _Tags()
    tags.feed(block.text)
    tags.close()
    # A page's body may be shown by its beginning.
    yield from (f"<{tag}> has no end" for tag in tags.open if tag != "body")
    yield from (f"</{tag}> ends nothing" for tag in tags.unopened)
    read = "\n".join(file.read_text("utf-8") for file in (ROOT / "tracker").rglob("*.js") if "dist" not in file.parts)
    for tag, attributes in tags.found:
        name = re.search(r"/tracking/(.+)$", attributes.get("src") or "")
        if name and not script_is_there(name[1]):
            yield f"there is no script {name[1]}"
        for each in attributes:
            if each.startswith("data-") and not _is_read(each, read):
                yield f"nothing reads {each}"
            elif not each.startswith("data-") and tag in ATTRIBUTES and each not in ATTRIBUTES[tag]:
                yield f"<{tag}> has no {each} here"


def _is_read(attribute: str, sources: str) -> bool:
    """Whether the sources name it, or what it is in a ``dataset``."""
    if attribute.startswith("data-mallard-prop-"):
        return "data-mallard-prop-" in sources
    name = re.sub(r"-(\w)", lambda found: found[1].upper(), attribute.removeprefix("data-"))
    return attribute in sources or bool(re.search(rf"\b{name}\b", sources))


def _proxy(block: Block, page: Page) -> Iterator[str]:
    """tests/operate/test_proxies.py runs the guide's first ones; there are no others."""
    first = next(each for each in page.blocks if each.language == block.language)
    if block.language not in FRONTS or ROOT / page.path != GUIDE or block is not first:
        yield f"no test runs this {block.language}"


LANGUAGES: dict[str, Callable[[Block, Page], Iterator[str]]] = {
    "": _text,
    "bash": _shell,
    "caddy": _proxy,
    "console": _shell,
    "html": _html,
    "ini": _ini,
    "javascript": _javascript,
    "js": _javascript,
    "json": _json,
    "nginx": _proxy,
    "python": _python,
    "sh": _shell,
    "sql": _sql,
    "text": _text,
    "toml": _toml,
    "yaml": _yaml,
}
