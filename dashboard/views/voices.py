"""Voices: every voice there is, and the ones that people make for themselves."""

import streamlit as st

from dashboard import session
from dashboard.api.voices import engines_entry
from dashboard.components.mount import mount
from dashboard.views.limits import show_left


def show() -> None:
    """Show the voices page. Its component asks the API by itself."""
    st.title("Voices", anchor=False)
    st.caption(
        "Hear a voice before you choose it: each speaks its own language. What you "
        "make stays yours until you share it."
    )
    if not _can_make():
        st.info(
            "To make voices of your own, an engine that can do so is needed. Kokoro "
            "mixes its voices: `make kokoro` installs it. Higgs Audio speaks as a "
            "recording does: “docs/engines.md” tells how to reach it.",
            icon=":material/record_voice_over:",
        )
    show_left("voices")
    limits = session.here().settings.limits
    mount(
        "voices",
        key="voices",
        data={
            "limits": {
                "clip_bytes": limits.clip_bytes,
                "clip_seconds": limits.clip_seconds,
                "voice_archive_bytes": limits.voice_archive_bytes,
            }
        },
    )


def _can_make() -> bool:
    return any(entry["kinds"] for entry in engines_entry(session.here()))
