"""Broken links of a page: missing files, headings and pictures, invalid addresses."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from support.docs_pages import ROOT, Page, files, folders, read

OF_REGISTRIES = re.compile(
    r"(^|\.)(pypi|pythonhosted|npm|npmjs|yarnpkg|crates|rubygems|hub|quay|ghcr|maven|conda)[.-]|"
    r"^(registry|packages?|index|mirrors?|proxy|simple)\."
)
"""Hosts that hand out packages or images: a document names what to install, never where from."""

_INLINE = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE = re.compile(r"(?<!\])\[[^\[\]]+\]\[([^\[\]]*)\]")
_DEFINITION = re.compile(r"^ {0,3}\[([^\]]+)\]:\s*<?(\S+?)>?(?:\s+\"[^\"]*\")?$", re.MULTILINE)
_AUTOMATIC = re.compile(r"<([a-z][a-z0-9+.-]*:[^\s<>]+)>")
_HTML = re.compile(r"<(?:a|img)\b[^>]*\b(?:href|src)=\"([^\"]+)\"")
_ADDRESS = re.compile(r"\bhttps?://[^\s`'\"<>)\]|,;]+")


def complaints(page: Page) -> Iterator[str]:
    """One sentence for each link that leads nowhere, and each address that no page may name."""
    defined = {name.lower(): target for name, target in _DEFINITION.findall(page.words)}
    for name in _REFERENCE.findall(page.words):
        if name and name.lower() not in defined:
            yield f"[{name}] is defined nowhere"
    targets = [*defined.values()]
    for form in (_INLINE, _AUTOMATIC, _HTML):
        targets += form.findall(page.words)
    for target in targets:
        yield from _external(target) if re.match(r"[a-z][a-z0-9+.-]*:", target) else _inside(page, target)
    for address in _ADDRESS.findall(page.text):
        host = _host(address)
        if host and OF_REGISTRIES.search(host.lower()):
            yield f"{address} is a registry's"


def _inside(page: Page, target: str) -> Iterator[str]:
    path, _, anchor = target.partition("#")
    there = page.path.as_posix()
    if path:
        there = posixpath.normpath(posixpath.join(page.path.parent.as_posix(), unquote(path)))
        if path.startswith("/") or there not in files() | folders():
            yield f"{target} is not there"
            return
    if anchor and anchor not in (page if not path else read(Path(there))).anchors:
        yield f"{target}: there is no such heading"


def _external(target: str) -> Iterator[str]:
    host = _host(target)
    if host in ("127.0.0.1", "localhost") and target.startswith("http://"):
        return
    if not target.startswith("https://"):
        yield f"{target} is not https"
    elif host is None or not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host):
        yield f"{target} names no host"


def _host(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        return parts.hostname if parts.username is None else None
    except ValueError:
        return None


def exists(path: str) -> bool:
    """True where a file or folder of the repository has that path from the root; ``*`` is any text without /."""
    if "*" in path:
        return any(found.relative_to(ROOT).as_posix() in files() | folders() for found in ROOT.glob(path))
    return path.rstrip("/") in files() | folders()
