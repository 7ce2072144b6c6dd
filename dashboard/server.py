"""The web app as one ASGI process: Streamlit's pages and our own routes.

    uvicorn dashboard.server:app

Media, uploads and everything the player asks for are routes (``api``); pages are
Streamlit (``app.py``). Start it with one worker: sessions live in memory.
"""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from streamlit import config

from dashboard import backend, identity, middleware, pacing
from dashboard.api import (
    addresses,
    assets,
    audio,
    billing,
    bookmarks,
    cursor,
    custom_voices,
    documents,
    events,
    exports,
    filters,
    gatekeeping,
    health,
    jobs,
    openai_api,
    recognitions,
    sharing,
    signing,
    signing_elsewhere,
    texts,
    uploads,
    usage,
    voices,
)
from dashboard.api.answers import no_such_route, route

SCRIPT = Path(__file__).resolve().with_name("app.py")

EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

ROUTES: list[BaseRoute] = [
    *assets.ROUTES,
    *health.ROUTES,
    *signing.ROUTES,
    *gatekeeping.ROUTES,
    *signing_elsewhere.ROUTES,
    *uploads.ROUTES,
    *texts.ROUTES,
    *addresses.ROUTES,
    *documents.ROUTES,
    *recognitions.ROUTES,
    *events.ROUTES,
    *exports.ROUTES,
    *usage.ROUTES,
    *billing.ROUTES,
    *jobs.ROUTES,
    *cursor.ROUTES,
    *audio.ROUTES,
    *bookmarks.ROUTES,
    *filters.ROUTES,
    *sharing.ROUTES,
    *voices.ROUTES,
    *openai_api.ROUTES,
    *custom_voices.ROUTES,
    # Last: whatever else is asked of the API must not get a page of Streamlit's.
    route("/api/{path:path}", no_such_route, *EVERY_METHOD),
]
MIDDLEWARE = [
    Middleware(middleware.SecurityHeaders),
    Middleware(middleware.KnownHosts),
    Middleware(middleware.ClosedPaths),
    Middleware(middleware.SameOrigin),
    Middleware(identity.Identity),
    Middleware(pacing.Paced),
]


def log_page_error(error: Exception) -> None:
    """Log what a page did not foresee; the person is shown a plain notice."""
    logging.getLogger("dashboard.pages").error("A page failed", exc_info=error)


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Open the stores, load what pages use, and keep it out of every collection.

    Full collections walk everything that is loaded; frozen, a rerun costs a third.
    """
    backend.current()
    _load_what_pages_use()
    _log_no_addresses()
    gc.collect()
    gc.freeze()
    yield {}
    await events.feeds.close()


def _log_no_addresses() -> None:
    """Take back the access log that Streamlit turns on: in addresses stand keys."""
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False


def _load_what_pages_use() -> None:
    import altair as alt  # noqa: F401
    import pandas as pd  # noqa: F401
    import streamlit.elements.vega_charts  # noqa: F401

    from dashboard.views import (  # noqa: F401
        activity,
        library,
        reader,
        settings,
        statistics,
        trash,
        upkeep,
        voices,
    )


app = st.App(
    SCRIPT,
    routes=ROUTES,
    middleware=MIDDLEWARE,
    lifespan=lifespan,
    on_script_error=log_page_error,
)
# st.App has just told Streamlit where the script lies, and with it the folder of
# config.toml. Anything that asked for an option earlier has left the defaults behind.
config.get_config_options(force_reparse=True)
