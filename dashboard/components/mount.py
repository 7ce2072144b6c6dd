"""Our browser components, as functions that pages call.

The JavaScript lives in plain files in dashboard/static and is fetched by the browser
once, under an address that changes with its content. What Streamlit re-sends on every
rerun is only a stub of two lines.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

import streamlit as st

from dashboard.components.files import STATIC, static_version

Mount = Callable[..., Any]


@cache
def _component(name: str, version: str) -> Mount:
    address = f"/assets/{version}/{name}.js"
    # The line break also tells Streamlit that this is code and not a file's path.
    stub = (
        f"const loaded = await import(location.origin + '{address}');\n"
        "export default (component) => loaded.default(component);\n"
    )
    style = STATIC / f"{name}.css"
    css = style.read_text() + "\n" if style.exists() else None
    return cast(Mount, st.components.v2.component(f"lectern_{name}", js=stub, css=css))


def mount(
    name: str,
    *,
    key: str,
    data: Mapping[str, object],
    on: Mapping[str, Callable[[], None]] | None = None,
) -> Any:
    """Show a component; ``on`` maps its triggers to what they call."""
    callbacks = {f"on_{event}_change": call for event, call in (on or {}).items()}
    show = _component(name, static_version())
    return show(key=key, data=dict(data), **callbacks)
