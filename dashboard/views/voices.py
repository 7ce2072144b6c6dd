"""Voices: every voice there is, and the ones that people make for themselves."""

import streamlit as st

from dashboard import session
from dashboard.components.mount import mount


def show() -> None:
    """Show the voices page. Its component asks the API by itself."""
    st.title("Voices", anchor=False)
    st.caption(
        "Hear a voice before you choose it: each speaks its own language. What you "
        "make stays yours until you share it."
    )
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
