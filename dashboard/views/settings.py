"""Settings: one's account, what one may use, and the tokens of programs."""

import streamlit as st

from dashboard import session
from dashboard.views import account, limits, tokens
from dashboard.views.balance import show_balance


def show() -> None:
    """Show the settings page."""
    st.title("Settings", anchor=False)
    account.show_account()
    limits.show_limits()
    show_balance()
    _show_filters()
    tokens.show_tokens()


def _show_filters() -> None:
    st.header("Filters", anchor=False)
    st.markdown("Rules that say words otherwise in all your documents.")
    if st.button("Open filters", icon=":material/find_replace:"):
        session.open_filters()
