"""Names in a page that do not exist: settings, files, tests, routes, parameters and other names of the code."""

import re
from collections.abc import Iterator
from functools import cache

from support.docs_facts import PLACEHOLDER, route, routes, script_is_there, setting_complaints
from support.docs_links import exists
from support.docs_pages import ROOT, Page, files, folders

PACKAGE = "layers/common/mallard"
"""Folder of the packages, which pages name without it."""

OF_THE_STORE = {"events", "rollups", "salts", "config", "exports", "rejected", "probe", "queue", "data", "geoip"}
OUTSIDE = {".venv", "node_modules", ".mallard", ".well-known", ".aws-sam"}
"""First folders of paths that lie in a store, or are made by the setup, or by a server."""

MADE = {"tracker/dist", "dashboard/vendor", "vendor/.done"}
"""Folders made by `make setup` below those of the repository."""

SUFFIXES = r"py|md|mjs|js|toml|yaml|yml|json|sql|sh|txt|html|css|example"

_SETTING = re.compile(r"\bMALLARD_[A-Z0-9_]*[A-Z0-9]\b(?!\*|_\*)(?:=([^\s`'\"|]+))?")
_ASKED = re.compile(r"((?:(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH)(?:, | or )?)+) (/\S*)")
_URL = re.compile(r"https?://[\w.:-]+(/(?:api|auth|health|metrics|openapi\.json)\b[^\s`'\"<>?#)]*)")
_SCRIPT = re.compile(r"/tracking/([\w.-]+\.js)\b")
_PATH = re.compile(r"[\w.*-]+(?:/[\w.*-]+)*/?")
_TEST = re.compile(r"\b(tests/[\w/]+\.py)(?:::(\w+))?")
_CAMEL = re.compile(r"([A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+)(?:(?:=|: ).*)?")


def complaints(page: Page) -> Iterator[str]:
    """One sentence for each name that is none."""
    for found in _SETTING.finditer(page.text):
        name, value = found[0].partition("=")[0], (found[1] or "").rstrip(".,;:)")
        yield from setting_complaints(name, value)
    for path in _URL.findall(page.text):
        yield from _asked(path)
    for script in _SCRIPT.findall(page.text):
        if not script_is_there(script):
            yield f"there is no script {script}"
    for file, test in _TEST.findall(page.text):
        if not exists(file):
            yield f"{file} is not there"
        elif test and f"def {test}(" not in (ROOT / file).read_text("utf-8"):
            yield f"there is no test {test} in {file}"
    for span in page.spans:
        yield from _asked(span)
        yield from _path(span, page)
        yield from _word(span)


def _asked(span: str) -> Iterator[str]:
    """``GET /path``, and a path of the API alone."""
    found = _ASKED.fullmatch(span)
    methods = re.findall(r"[A-Z]+", found[1]) if found else []
    path = found[2] if found else span
    if not found and not re.match(r"/(api|auth|health|metrics|tracking|openapi\.json)\b", path):
        return
    path = re.split(r"[?#]", path)[0]
    if "*" in path or PLACEHOLDER.search(path) or " " in path or path.endswith("/"):
        # Many at once: one of them is enough.
        start = re.split(r"[*…<$ ]", path)[0]
        if not any(known.startswith(start) for known in routes()):
            yield f"no route begins with {start}"
        return
    # Of a path with names in braces the names are the route's own.
    known = path if "{" in path else route(path)
    if known not in routes():
        yield f"{path} is answered by no route"
        return
    yield from (f"{method} {path} is answered by no route" for method in methods if method not in routes()[known])


def _path(span: str, page: Page) -> Iterator[str]:
    """A path of the repository: from the root, from the page's folder, or from the package."""
    if _TEST.fullmatch(span) or not _PATH.fullmatch(span):
        return
    if "/" not in span and not re.fullmatch(rf"[\w-]+\.({SUFFIXES})", span):
        return
    first = span.partition("/")[0]
    if first in OUTSIDE | OF_THE_STORE or any(span.startswith(each) for each in MADE):
        return
    if "/" not in span and span in _names_of_files():
        return
    below = page.path.parent.as_posix()
    if any(exists(f"{start}/{span}" if start not in ("", ".") else span) for start in ("", below, PACKAGE)):
        return
    if first in _names_of_folders() or re.search(rf"\.({SUFFIXES})$", span):
        yield f"{span} is not there"


@cache
def _names_of_folders() -> frozenset[str]:
    """Names of folders at the root, and of the rooms."""
    return frozenset(
        each.removeprefix(f"{PACKAGE}/").partition("/")[0]
        for each in folders()
        if "/" not in each.removeprefix(f"{PACKAGE}/")
    )


@cache
def _names_of_files() -> frozenset[str]:
    """Names of files without their folders, and of those that a server gives out."""
    return frozenset(path.rpartition("/")[2] for path in (*files(), *routes()))


def _word(span: str) -> Iterator[str]:
    """A name with capitals within, of a class, a parameter, an alarm: more must know it than the documents."""
    found = _CAMEL.fullmatch(span)
    if found and found[1].lower() not in _words_of_sources():
        yield f"{found[1]} is named nowhere but in documents"


@cache
def _words_of_sources() -> frozenset[str]:
    """Everything but documents and their tests, in lower case: Python's names of headers and cookies are."""
    suffixes = (".py", ".yaml", ".yml", ".mjs", ".js", ".json", ".toml", ".example", "Makefile")
    return frozenset(
        word
        for each in files()
        if each.endswith(suffixes) and not each.startswith(("tests/docs/", "tests/support/docs_"))
        for word in re.findall(r"\w+", (ROOT / each).read_text("utf-8").lower())
    )
