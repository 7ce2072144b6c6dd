"""Scripts and styles under an address that changes with them, and fonts."""

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from dashboard.api.answers import route
from dashboard.components.files import STATIC, static_version
from lectern.errors import NotFound

FILE_NAME = re.compile(r"[a-z][a-z0-9_-]*\.(js|css|svg|png|woff2)")
MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_MONTH = "public, max-age=2592000"


async def serve_static(request: Request) -> Response:
    """Answer with a script or style, kept for ever under its present version."""
    path = _file(STATIC, request.path_params["name"])
    current = request.path_params["version"] == static_version()
    # A page that was open over an upgrade still asks for the old version. It gets
    # the new file, uncached: better than a component that fails to load.
    return _answer(path, cache_control=FOR_EVER if current else "no-store")


async def serve_font(request: Request) -> Response:
    """Answer with a font file."""
    path = _file(STATIC / "fonts", request.path_params["name"])
    return _answer(path, cache_control=FOR_A_MONTH)


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    if not FILE_NAME.fullmatch(name) or not path.is_file():
        raise NotFound("There is no such file.")
    return path


def _answer(path: Path, *, cache_control: str) -> Response:
    return FileResponse(
        path,
        media_type=MEDIA_TYPES[path.suffix],
        headers={"cache-control": cache_control},
    )


ROUTES: list[BaseRoute] = [
    route("/assets/fonts/{name}", serve_font),
    route("/assets/{version}/{name}", serve_static),
]
