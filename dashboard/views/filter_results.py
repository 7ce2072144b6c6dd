"""What a filter would change, shown before it is kept: places, cost and time."""

import streamlit as st

from dashboard import session
from dashboard.views import wording
from lectern.documents.differences import compare
from lectern.documents.filters import Filter
from lectern.usage.quotes import price_text
from resources.filter_previews import ChangedBlock, Preview, preview, proposed, reach
from resources.stores.catalog import Document

SHOWN = 30


def show_preview(
    document: Document, wanted: Filter, *, kept_id: str | None, is_general: bool
) -> None:
    """Show what a filter would change of a document.

    Raises:
        LecternError: It cannot be used as it is.
    """
    services, principal = session.services(), session.principal()
    filters = proposed(
        services,
        principal,
        document.id,
        wanted,
        filter_id=kept_id,
        is_general=is_general,
    )
    found = preview(services, principal, document.id, filters)
    st.subheader(f"In “{wording.plain(document.title)}”", anchor=False)
    if found is None:
        st.caption("The document has no text yet.")
        return
    st.markdown(summary(found))
    for changed in found.changed[:SHOWN]:
        with st.container(border=True):
            st.caption(f"Page {changed.page}")
            st.markdown(difference(changed))
    if len(found.changed) > SHOWN:
        st.caption(f"… and {len(found.changed) - SHOWN:,} more passages")


def summary(found: Preview) -> str:
    """Return in a line how much changes, what it costs and how long it takes."""
    if not found.changed:
        return "Nothing is said or shown otherwise than now."
    parts = [
        wording.count(found.places, "place", "places"),
        wording.count(len(found.changed), "passage changes", "passages change"),
        f"{found.spoken_anew:,} to be spoken anew",
    ]
    if found.spoken_anew:
        parts.append(f"about {wording.duration(found.quote.seconds or 0)}")
        parts.append(price_text(found.quote))
    if found.left_out:
        parts.append(f"{found.left_out:,} left out, as they make too much of the text")
    return wording.plain(" · ".join(parts))


def difference(changed: ChangedBlock) -> str:
    """Return a passage as Markdown: what goes struck out, what comes set off."""
    is_shown = changed.shown_before != changed.shown_after
    before = changed.shown_before if is_shown else changed.said_before
    after = changed.shown_after if is_shown else changed.said_after
    parts: list[str] = []
    for piece in compare(before, after):
        if piece.is_same:
            parts.append(wording.plain(piece.left))
            continue
        if piece.left:
            parts.append(f":red[~~{wording.plain(piece.left)}~~]")
        if piece.right:
            parts.append(f":green-background[**{wording.plain(piece.right)}**]")
    return " ".join(parts)


def show_reach(wanted: Filter, *, kept_id: str | None) -> None:
    """Show what a filter for all documents would change of them.

    Raises:
        LecternError: It cannot be used as it is.
    """
    services, principal = session.services(), session.principal()
    kept = services.filters.all(principal)
    filters = [wanted if one.id == kept_id else one.filter for one in kept]
    if kept_id is None:
        filters.append(wanted)
    with st.spinner("Looking through your documents…"):
        found = reach(services, principal, filters)
    st.subheader("In all your documents", anchor=False)
    where = wording.count(found.documents, "document", "documents")
    what = wording.count(found.blocks, "passage", "passages")
    st.markdown(
        f"It changes **{where}**: {what} will be read otherwise. Each document is read "
        "anew when it is next opened or played, and only then spoken."
    )
    if found.not_looked_through:
        st.caption(
            f"Looked through the newest {found.looked_through:,} documents; "
            f"{found.not_looked_through:,} more were not."
        )
