"""404 and 405 responses."""

from collections.abc import Iterable

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from mallard.api.middleware.json_body import PREFIXES
from mallard.http.upstream import header

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NO_ROUTE = "Not found; see /openapi.json."
NO_PAGE = "Page not found."
NO_PAGE_HTML = f"""\
<!doctype html>
<html lang="en">
  <head><meta charset="utf-8" /><title>{NO_PAGE}</title></head>
  <body><h1>{NO_PAGE}</h1><p><a href="/">The dashboard</a> is here.</p></body>
</html>
"""


def not_found(scope: Scope, routes: Iterable[BaseRoute], status: int) -> Response:
    """404 or 405, by the routes of the path; a small page for a browser that navigates.

    ``status`` is that of a mounted folder of files, where it answered.
    """
    is_api = scope["path"].startswith(PREFIXES)
    allowed = _allowed(scope, routes) or (["GET", "HEAD"] if status == 405 and not is_api else [])
    if allowed and scope["method"] not in allowed:
        sentence = f"Method not allowed; use {' or '.join(allowed)}."
        return JSONResponse({"error": sentence}, 405, {"allow": ", ".join(allowed)})
    if is_api:
        return JSONResponse({"error": NO_ROUTE}, 404)
    if "text/html" in header(scope, b"accept"):
        return HTMLResponse(NO_PAGE_HTML, 404)
    return JSONResponse({"error": NO_PAGE}, 404)


def _allowed(scope: Scope, routes: Iterable[BaseRoute]) -> list[str]:
    """The methods of the path's routes; none without a route. Mounted folders match every path and are left out."""
    path_routes = [route for route in routes if not isinstance(route, Mount)]
    methods = [
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in path_routes)
    ]
    return ["GET", "HEAD", *methods[1:]] if methods[:1] == ["GET"] else methods
