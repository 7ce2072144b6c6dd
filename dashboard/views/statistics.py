"""Your stats."""

import streamlit as st


def show() -> None:
    """Show the statistics page."""
    st.title("Your stats", anchor=False)
