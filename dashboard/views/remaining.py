"""Beside a quote: what is left of an allowance, and when it is too little."""

import streamlit as st

from dashboard import session
from dashboard.views import wording
from lectern.usage.quotes import Quote
from lectern.usage.remaining import Remaining, amounts_of, remaining

GOES_ON = "It goes as far as that and can be gone on with later."


def show_remaining(quote: Quote, *, stored_bytes: int = 0) -> None:
    """Say what quoted work takes of what is left; nothing where there is no bound."""
    balances = session.services().ledger.balances(session.principal())
    found = remaining(amounts_of(quote, stored_bytes=stored_bytes), balances)
    if text := line_of(found):
        st.caption(wording.plain(text))
    if text := warning_of(found):
        st.warning(wording.plain(text), icon=":material/account_balance_wallet:")


def line_of(found: list[Remaining]) -> str:
    """Return what there is enough of."""
    parts = [one.text for one in found if one.is_enough]
    return f"Takes {', '.join(parts)}." if parts else ""


def warning_of(found: list[Remaining]) -> str:
    """Return what there is too little of."""
    parts = [one.text for one in found if not one.is_enough]
    if not parts:
        return ""
    return f"Your plan does not reach for all of it: {'; '.join(parts)}. {GOES_ON}"
