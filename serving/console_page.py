"""Serves the console and the API's documentation: files of this package and of Swagger UI, nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_CONSOLE = Path(__file__).parent / "console"


class _Fresh(StaticFiles):
    """Static files that a browser asks for again each time (the answer is mostly 304), so that none is outdated."""

    async def get_response(self, path: str, scope: Scope) -> FileResponse:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response  # type: ignore[return-value]


def mount_console(app: FastAPI) -> None:
    """Add `/`, `/docs` and the files that they load."""
    app.mount("/console", _Fresh(directory=_CONSOLE), name="console")
    # Swagger UI from a package: the usual page loads it from a CDN, which is not there offline.
    app.mount("/docs/assets", StaticFiles(directory=str(files("fastapi_offline") / "static")), name="swagger")

    @app.get("/", include_in_schema=False)
    async def console() -> FileResponse:
        return FileResponse(_CONSOLE / "index.html", headers={"Cache-Control": "no-cache"})

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(_CONSOLE / "docs.html", headers={"Cache-Control": "no-cache"})

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> FileResponse:
        return FileResponse(_CONSOLE / "icon.svg", media_type="image/svg+xml")
