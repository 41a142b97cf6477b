"""What browsers get: the dashboard at ``/`` and the tracking script, as files with strict headers."""

from pathlib import Path
from typing import Any

from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from mallard.errors import ConfigError

SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
}
DOCS_PATH = "/docs"
DOCS_POLICY = SECURITY["content-security-policy"].replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""Swagger UI sets style attributes; nothing else is loosened, and the page holds no data."""

SCRIPT_PATH = "/tracking/script.js"
SCRIPT_HEADERS = {
    "cache-control": "public, max-age=3600",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}


class Dashboard(StaticFiles):
    """The dashboard's folder; files are checked with the server at each load, which costs one 304."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file or 304, with the security headers."""
        answer = super().file_response(*args, **kwargs)
        answer.headers.update({**SECURITY, "cache-control": "no-cache"})
        return answer

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Only what a browser needs: no module of the build, no document."""
        if path.endswith((".mjs", ".md")):
            return JSONResponse({"error": "There is no such page."}, 404)
        return await super().get_response(path, scope)


def find_static() -> tuple[Path, Path]:
    """The folders of the dashboard and of the built tracker, beside the package's layers."""
    root = Path(__file__).resolve().parents[3]
    dashboard, tracker = root / "dashboard", root / "tracker" / "dist"
    for needed in (dashboard / "vendor", tracker / "script.js"):
        if not needed.exists():
            raise ConfigError(f"{needed} is missing; `make setup` puts the browser's files into place.")
    return dashboard, tracker


def docs_response(dashboard: Path) -> FileResponse:
    """The API's description, drawn by a Swagger UI of our own: no request to any other host."""
    return FileResponse(dashboard / "docs.html", headers={**SECURITY, "content-security-policy": DOCS_POLICY})


def script_response(tracker: Path) -> FileResponse:
    """The tracking script: small, cacheable, loadable by every site."""
    return FileResponse(tracker / "script.js", media_type="text/javascript", headers=SCRIPT_HEADERS)
