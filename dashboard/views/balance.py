"""Usage and balance: what a plan gives, what was used of it, and every entry."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard import session
from dashboard.views import wording
from lectern.accounts.allowances import GAUGES, period_of
from lectern.accounts.ledger import Balance, Entry, EntryKind
from lectern.usage.amounts import amount_text, unit_text
from resources.stores.ledger_reading import used_since

ENTRIES_SHOWN = 50
KIND_NAMES = {
    EntryKind.GRANT: "Granted",
    EntryKind.USE: "Used",
    EntryKind.REFUND: "Given back",
    EntryKind.EXPIRE: "Ran out",
    EntryKind.ADJUST: "Corrected",
}


def show_balance() -> None:
    """Show what is left of each unit, what was used this month, and the entries."""
    st.header("Usage and balance", anchor=False)
    services, principal = session.services(), session.principal()
    plan = services.allowed.limits.plan(principal)
    balances = services.ledger.balances(principal)
    month = period_of(services.database.now())
    used = used_since(services.database, principal, month.starts_at)
    st.markdown(
        f"Your plan is **{wording.plain(plan.title)}**. What is there already costs "
        "nothing, and neither does work that fails."
    )
    with st.container(key="balances"):
        for unit, balance in balances.items():
            if is_told(balance, used[unit]):
                _show_unit(balance, used[unit])
    entries = services.ledger.entries(principal, limit=ENTRIES_SHOWN)
    if not entries:
        st.caption("Nothing has been used yet.")
        return
    with st.expander("Entries", icon=":material/receipt_long:"):
        _show_entries(entries)
        st.link_button(
            "All as CSV", "/api/usage/entries.csv", icon=":material/download:"
        )


def is_told(balance: Balance, used: int) -> bool:
    """Whether a unit says anything: there is some of it, or some was used."""
    return bool(balance.left) or used != 0 or balance.balance != 0


def line_of(balance: Balance, used: int) -> str:
    """Return what is left of a unit and what was used, in words."""
    unit = balance.unit
    if unit in GAUGES:
        parts = [f"{amount_text(unit, -balance.balance)} kept"]
    else:
        parts = [f"{amount_text(unit, used)} used this month"]
    if balance.left is not None:
        parts.append(f"{amount_text(unit, balance.left)} left")
    if balance.held:
        parts.append(f"{amount_text(unit, balance.held)} set aside for work")
    if balance.is_below_floor:
        over = (balance.floor or 0) - balance.balance
        parts.append(f"overdrawn by {amount_text(unit, over)}")
    return " · ".join(parts)


def share_used(balance: Balance, used: int) -> float | None:
    """Return how much of a bounded unit is used or set aside, 0…1."""
    if balance.left is None:
        return None
    if balance.unit in GAUGES:
        whole = -(balance.floor or 0)
    else:
        whole = balance.left + balance.held + max(0, used)
    return 1.0 - min(1.0, balance.left / whole) if whole else None


def _show_unit(balance: Balance, used: int) -> None:
    name = unit_text(balance.unit)
    st.markdown(
        f"**{name[0].upper()}{name[1:]}**  \n"
        f":gray[{wording.plain(line_of(balance, used))}]"
    )
    share = share_used(balance, used)
    if share is not None:
        st.progress(share)


def _show_entries(entries: Sequence[Entry]) -> None:
    titles = _titles()
    rows = [
        {
            "When": entry.at,
            "What": KIND_NAMES[entry.kind],
            "Of": unit_text(entry.unit),
            "Amount": amount_text(entry.unit, entry.delta),
            "For": _for(entry, titles),
        }
        for entry in entries
    ]
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "When": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm")
        },
    )


def _for(entry: Entry, titles: Mapping[str, str]) -> str:
    kind, _, id_ = entry.ref.partition(":")
    if kind == "document":
        return titles.get(id_, "a document that is gone")
    if kind == "month":
        return f"the month {id_.partition(':')[0]}"
    return entry.ref or "a text sent by a program"


def _titles() -> dict[str, str]:
    documents = session.services().catalog.documents(session.principal())
    return {document.id: document.title for document in documents}
