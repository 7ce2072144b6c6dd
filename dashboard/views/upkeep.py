"""Upkeep: what operators want to know of disk, backups and what will be deleted."""

from datetime import UTC, datetime

import streamlit as st

from dashboard import session
from dashboard.views import wording
from lectern.operations.retention import Plan
from lectern.units import size
from resources.stores.backup_record import BackupRecord
from resources.stores.disk import free_bytes
from resources.stores.sweep_record import SweepRecord

SHOWN = 200


def show() -> None:
    """Show the upkeep page."""
    st.title("Upkeep", anchor=False)
    if not session.principal().is_operator:
        st.info("Only operators see this.", icon=":material/lock:")
        return
    _show_numbers()
    st.header("What would be deleted tonight", anchor=False)
    st.caption(
        "By the rules of LECTERN_RETENTION. What is pinned, being edited, worked on or "
        "listened to stays, also if that begins only now."
    )
    _show_plan(session.services().retaining().plan())


def _show_numbers() -> None:
    services, settings = session.services(), session.here().settings
    now = datetime.now(UTC)
    last = BackupRecord(services.preferences).last()
    swept = SweepRecord(services.preferences).last()
    backup = (
        f"{wording.ago(last.made_at, now)}, {size(last.size_bytes)}" if last else ""
    )
    lines = {
        "Free disk": f"{size(free_bytes(settings.root))}; new work is refused below "
        f"{size(settings.disk_reserve_bytes)}",
        "Last good backup": backup or "none yet: run “lectern backup” every night",
        "Last sweep": f"{wording.ago(swept.at, now)}: {swept.words}"
        if swept
        else "none",
    }
    for name, value in lines.items():
        st.markdown(f"**{name}**  \n{wording.plain(value)}")


def _show_plan(plan: Plan) -> None:
    for short in plan.cannot:
        st.warning(wording.plain(short.message), icon=":material/warning:")
    if not plan.deletions:
        st.markdown("Nothing.")
        return
    things = wording.count(len(plan.deletions), "thing", "things")
    st.markdown(f"{things}, {size(plan.freed_bytes)}.")
    st.dataframe(
        [
            {
                "Kind": one.item.kind.value,
                "What": one.item.id,
                "Whose": one.item.owner_id or "",
                "Size": size(one.item.size_bytes),
                "Last used": one.item.used_at.date(),
                "Why": one.why.value,
            }
            for one in plan.deletions[:SHOWN]
        ],
        hide_index=True,
    )
