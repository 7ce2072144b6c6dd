"""The trash: what was deleted, until when it can be brought back, and bringing it."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard import session
from dashboard.views import adding, wording
from lectern.errors import InvalidRequest, LecternError
from lectern.ids import DocumentId
from lectern.units import size
from resources.stores.catalog import Document

SHOWN = 100


def show() -> None:
    """Show the trash."""
    documents = session.services().catalog.deleted(session.principal())
    days = session.here().settings.retention.trash_days
    with st.container(horizontal=True, vertical_alignment="bottom", key="trash-header"):
        st.title("Trash", width="stretch", anchor=False)
        if st.button("Library", icon=":material/arrow_back:", type="tertiary"):
            session.go_to("library")
        if documents:
            _show_emptying(documents)
    if not documents:
        st.markdown(
            "The trash is empty. A document that you delete waits here for "
            f"{wording.count(days, 'day', 'days')}."
        )
        return
    st.markdown(
        f"What you delete is kept for {wording.count(days, 'day', 'days')}. Restored, "
        "it has its audio, its bookmarks and your place again."
    )
    now = datetime.now(UTC)
    for document in documents[:SHOWN]:
        _show_document(document, timedelta(days=days), now)
    if len(documents) > SHOWN:
        st.caption(f"The {SHOWN} deleted last of {len(documents):,} are shown.")


def _show_document(document: Document, kept: timedelta, now: datetime) -> None:
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        key=f"trashed-{document.id}",
    ):
        st.markdown(
            f"**{wording.plain(document.title)}**  \n"
            f":gray[{wording.plain(_line(document, kept, now))}]",
            width="stretch",
        )
        st.button(
            "Restore",
            icon=":material/restore_from_trash:",
            key=f"restore-{document.id}",
            on_click=_restore,
            args=(document.id, document.title),
        )
        with st.popover("Delete now", icon=":material/delete:", type="tertiary"):
            st.markdown("It cannot be brought back after that.")
            st.button(
                "Delete for good",
                key=f"purge-{document.id}",
                on_click=_purge,
                args=(document.id,),
            )


def _line(document: Document, kept: timedelta, now: datetime) -> str:
    deleted_at = document.deleted_at or now
    ends = deleted_at + kept
    until = f"goes for good on {ends:%-d %B %Y}"
    if ends <= now:
        until = "goes for good tonight"
    return " · ".join(
        (f"deleted {wording.ago(deleted_at, now)}", until, size(document.size_bytes))
    )


def _show_emptying(documents: list[Document]) -> None:
    with st.popover("Empty", icon=":material/delete_forever:", type="tertiary"):
        many = wording.count(len(documents), "document", "documents")
        st.markdown(f"{many} cannot be brought back after that.")
        st.button(
            "Empty the trash",
            type="primary",
            key="empty-trash",
            on_click=_purge,
            args=[document.id for document in documents],
        )


def _restore(document_id: DocumentId, title: str) -> None:
    if adding.restore(document_id):
        st.toast(f"“{wording.plain(title)}” is back.", icon=":material/check:")


def _purge(*document_ids: DocumentId) -> None:
    catalog = session.services().catalog
    for document_id in document_ids:
        try:
            catalog.purge_own(session.principal(), document_id)
        except LecternError as error:
            st.toast(wording.plain(error.message), icon=":material/error:")
            if isinstance(error, InvalidRequest):
                continue
            return
