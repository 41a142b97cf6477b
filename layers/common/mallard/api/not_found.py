"""What whoever asks for what is not there, or in another way, is told: a sentence that helps."""

from collections.abc import Iterable

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from mallard.api.middleware.json_body import PREFIXES
from mallard.http.upstream import header

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NO_ROUTE = "There is no such path; /openapi.json describes those there are."
NO_PAGE = "There is no such page."
NO_PAGE_HTML = f"""\
<!doctype html>
<html lang="en">
  <head><meta charset="utf-8" /><title>{NO_PAGE}</title></head>
  <body><h1>{NO_PAGE}</h1><p><a href="/">The dashboard</a> is here.</p></body>
</html>
"""


def lost(scope: Scope, routes: Iterable[BaseRoute], status: int) -> Response:
    """404 or 405, as the ``routes`` know the path; a small page for a browser that looks for one.

    ``status`` is what a folder of files said, where one was asked.
    """
    is_api = scope["path"].startswith(PREFIXES)
    allowed = _allowed(scope, routes) or (["GET", "HEAD"] if status == 405 and not is_api else [])
    if allowed and scope["method"] not in allowed:
        sentence = f"{scope['method'][:20]} is not for this path; it takes {' and '.join(allowed)}."
        return JSONResponse({"error": sentence}, 405, {"allow": ", ".join(allowed)})
    if is_api:
        return JSONResponse({"error": NO_ROUTE}, 404)
    if "text/html" in header(scope, b"accept"):
        return HTMLResponse(NO_PAGE_HTML, 404)
    return JSONResponse({"error": NO_PAGE}, 404)


def _allowed(scope: Scope, routes: Iterable[BaseRoute]) -> list[str]:
    """The methods a path takes; none where it is no route's. A folder of files knows no path before it looks."""
    known = [route for route in routes if not isinstance(route, Mount)]
    found = [
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in known)
    ]
    return ["GET", "HEAD", *found[1:]] if found[:1] == ["GET"] else found
