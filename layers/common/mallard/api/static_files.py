"""Static files with strict headers: the dashboard at ``/`` and the tracking script."""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from mallard.errors import ConfigError
from mallard.http.header_policy import DOCS_PAGE, PAGE, SCRIPT, SHARED_PAGE

SHARED_NAME = "share.html"
"""The page of shared links, the only one that other sites may embed in a frame."""

DOCS_PATH = "/docs"

SCRIPT_PATH = "/tracking/{name}"
"""``script.js``, ``script.<part>.<part>.js`` with opt-in parts in any order, or the ES module ``mallard.mjs``."""

PLAUSIBLE_PATH = "/js/{name}"
"""Plausible's names of the script, all of which are one file that looks at its own name."""

PLAUSIBLE_PARTS = {
    "hash": "hash",
    "outbound-links": "outbound",
    "file-downloads": "downloads",
    "forms": "forms",
    "manual": "manual",
    "exclusions": "exclude",
}
"""Our parts, by Plausible's words for them."""

_PLAUSIBLE_WORDS = (*PLAUSIBLE_PARTS, "tagged-events", "revenue", "pageview-props", "compat", "local", "404")
_PLAUSIBLE_NAME = re.compile(
    rf"(script|plausible)(\.({'|'.join(_PLAUSIBLE_WORDS)})){{0,32}}\.js|pa-[\w-]{{1,64}}\.js", re.ASCII
)

MODULE_NAME = "mallard.mjs"
_SCRIPT_NAME = re.compile(r"script((?:\.[a-z0-9-]{1,32}){0,32})\.js")

TAG = "document.currentScript || document.head"
"""The element with the attributes; script text that is inlined or joined with other has no tag of its own."""

HOW_TO_BUILD = "`make setup` puts the browser's files into place."


class Dashboard(StaticFiles):
    """The dashboard's folder; files are checked with the server at each load, which costs one 304."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file or 304, as a page's."""
        answer = super().file_response(*args, **kwargs)
        answer.headers.update(PAGE)
        return answer

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Only what a browser needs: no module of the build, no document, no hidden file."""
        hidden = any(part.startswith(".") for part in Path(path).parts)
        if path.endswith((".mjs", ".md")) or hidden:
            raise HTTPException(404)
        answer = await super().get_response(path, scope)
        if isinstance(answer, RedirectResponse):
            # It would repeat whatever Host a client made up.
            raise HTTPException(404)
        if path == SHARED_NAME:
            answer.headers.update(SHARED_PAGE)
        return answer


def find_static() -> tuple[Path, Path]:
    """The folders of the dashboard and of the built tracker, beside the package's layers."""
    root = Path(__file__).resolve().parents[4]
    dashboard, tracker = root / "dashboard", root / "tracker" / "dist"
    for needed in (dashboard / "vendor", tracker / "parts.json"):
        if not needed.exists():
            raise ConfigError(f"{needed} is missing; {HOW_TO_BUILD}")
    return dashboard, tracker


def docs_response(dashboard: Path) -> FileResponse:
    """The API's description, drawn by a Swagger UI of our own: no request to any other host."""
    return FileResponse(dashboard / "docs.html", headers=DOCS_PAGE)


class Scripts:
    """The tracker as `tracker/build.mjs` left it: small pieces, which are put together as a name asks for."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError where a piece is missing."""

        def read(name: str) -> str:
            try:
                return (folder / name).read_text(encoding="utf-8")
            except OSError:
                raise ConfigError(f"{folder / name} is missing; {HOW_TO_BUILD}") from None

        self._core, self._kit, self._module = read("script.js"), read("kit.js"), read(MODULE_NAME)
        self._names = read("plausible.js")
        self._parts = {part["name"]: read(f"parts/{part['name']}.js") for part in json.loads(read("parts.json"))}

    def text(self, name: str) -> str | None:
        """The script of a name; the order of its parts makes no difference. None where there is none of it."""
        if name == MODULE_NAME:
            return self._module
        match = _SCRIPT_NAME.fullmatch(name)
        requested = sorted(match[1].split(".")[1:]) if match else [""]
        if len(set(requested)) < len(requested) or not self._parts.keys() >= set(requested):
            return None
        parts = ",".join(self._parts[part] for part in requested)
        return f"try{{({self._kit})(({TAG}).dataset,{parts})}}catch{{}}{self._core}" if parts else self._core

    def plausible(self, name: str) -> str | None:
        """The script of one of Plausible's names, the same text for all; None where there is none of it."""
        if not _PLAUSIBLE_NAME.fullmatch(name):
            return None
        parts = ",".join(f'"{word}":{self._parts[part]}' for word, part in PLAUSIBLE_PARTS.items())
        return f"try{{(e=>({self._kit})(e.dataset,...({self._names})(e,{{{parts}}})))({TAG})}}catch{{}}{self._core}"

    def response(self, request: Request) -> Response:
        """The script of the path's ``name``, cacheable and loadable by every site: 200, 304 or 404."""
        return _script(request, self.text(request.path_params["name"]), self._parts)

    def plausible_response(self, request: Request) -> Response:
        """The same of one of Plausible's names."""
        return _script(request, self.plausible(request.path_params["name"]), _PLAUSIBLE_WORDS)


def _script(request: Request, text: str | None, parts: Iterable[str]) -> Response:
    if text is None:
        return JSONResponse({"error": f"There is no such script; its parts may be {', '.join(parts)}."}, 404)
    body = text.encode()
    headers = {**SCRIPT, "etag": f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="text/javascript", headers=headers)
