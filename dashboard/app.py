"""The entry script: Streamlit runs it for every page and every interaction."""

from pathlib import Path

import streamlit as st

from dashboard import session
from dashboard.components.files import STATIC
from dashboard.components.mount import mount
from dashboard.views import (
    account,
    activity,
    comparing,
    filters,
    library,
    people,
    reader,
    settings,
    statistics,
    trash,
    upkeep,
    voices,
)

STYLE = Path(library.__file__).with_name("page.css")
ICON = STATIC / "icon.png"

st.set_page_config(
    page_title="Lectern",
    page_icon=ICON,
    layout="wide",
)
st.html(STYLE)
principal = session.principal()  # nothing is shown to whose session has ended
st.logo(ICON, size="large")

pages = {
    "library": st.Page(
        library.show,
        title="Library",
        icon=":material/library_books:",
        url_path="library",
        default=True,
    ),
    "reader": st.Page(
        reader.show,
        title="Now reading",
        icon=":material/menu_book:",
        url_path="listen",
    ),
    "compare": st.Page(
        comparing.show,
        title="Compare",
        icon=":material/compare:",
        url_path="compare",
        visibility="hidden",  # reached from a document
    ),
    "filters": st.Page(
        filters.show,
        title="Filters",
        icon=":material/find_replace:",
        url_path="filters",
        visibility="hidden",  # reached from a document and from the settings
    ),
    "trash": st.Page(
        trash.show,
        title="Trash",
        icon=":material/delete:",
        url_path="trash",
        visibility="hidden",  # reached from the library
    ),
    "voices": st.Page(
        voices.show,
        title="Voices",
        icon=":material/record_voice_over:",
        url_path="voices",
    ),
    "activity": st.Page(
        activity.show,
        title="Activity",
        icon=":material/pending_actions:",
        url_path="activity",
    ),
    "statistics": st.Page(
        statistics.show,
        title="Your stats",
        icon=":material/monitoring:",
        url_path="stats",
    ),
    "upkeep": st.Page(
        upkeep.show,
        title="Upkeep",
        icon=":material/inventory_2:",
        url_path="upkeep",
        visibility="visible" if session.principal().is_operator else "hidden",
    ),
    "settings": st.Page(
        settings.show,
        title="Settings",
        icon=":material/settings:",
        url_path="settings",
    ),
}
if principal.is_operator and not session.here().settings.accounts.is_single:
    pages["people"] = st.Page(
        people.show, title="People", icon=":material/group:", url_path="people"
    )
session.remember_pages(pages)
# One list without sections: with them, Streamlit's menu is no list that a screen
# reader can follow.
page = st.navigation(list(pages.values()))
account.show_corner()
session.leave_other_pages(page.url_path)
page.run()

# Mounted outside the pages: sound goes on while they change.
with st.bottom:
    mount("bar", key="player", data={})
