"""The reader: a document's text, and everything that bears on how it is heard."""

from typing import Any

import streamlit as st

from dashboard import following, session
from dashboard.api.manifests import full_policy, skipped_entries
from dashboard.components.mount import mount
from dashboard.reading import opened, voice_of
from dashboard.views import (
    adding,
    exporting,
    reader_tools,
    sharing,
    time_left,
    wording,
)
from lectern.errors import NotFound, may_succeed_again
from lectern.ids import DocumentId
from lectern.jobs.states import DocumentState, JobKind
from resources.stores.catalog import Document
from resources.texts import text_of

POLL_SECONDS = 0.7


def show() -> None:
    """Show the reader page."""
    document = _document()
    if document is None:
        _invite()
    elif document.state is DocumentState.READY:
        _show_document(document)
    elif document.state is DocumentState.FAILED:
        _show_failure(document)
    else:
        # Flips to the text by itself, as soon as there is one.
        st.fragment(_show_preparing, run_every=POLL_SECONDS)(document.id)


def _document() -> Document | None:
    """Return the document asked for, or the one that was heard last."""
    services, principal = session.services(), session.principal()
    document_id = session.chosen_document() or _last_heard()
    if document_id is None:
        return None
    try:
        return opened(services, principal, document_id)
    except NotFound:
        if session.forget_document():  # deleted since it was shown last
            return _document()
        st.warning(
            "This document is not in your library any more.",
            icon=":material/search_off:",
        )
        return None


def _last_heard() -> DocumentId | None:
    cursors = session.services().cursors.all(session.principal())
    if not cursors:
        return None
    return max(cursors, key=lambda document_id: str(cursors[document_id].updated_at))


def _invite() -> None:
    st.title("Now reading", anchor=False)
    st.markdown("Nothing is open. Choose something from your library.")
    if st.button("Go to the library", icon=":material/library_books:", type="primary"):
        session.go_to("library")


def _show_failure(document: Document) -> None:
    st.title(wording.plain(document.title), anchor=False)
    st.error(
        wording.plain(document.error_message or "This document could not be prepared."),
        icon=":material/error:",
    )
    if document.is_shared:  # what can be done is for its owner to do
        return
    with st.container(horizontal=True):
        is_worth_it = may_succeed_again(document.error_code)
        if is_worth_it and st.button(
            "Try again", icon=":material/replay:", type="primary"
        ):
            following.retry(
                session.here(), session.principal(), document.id, JobKind.PREPARE
            )
            st.rerun()
        if not is_worth_it and st.button("Delete", icon=":material/delete:"):
            adding.delete(document)
            session.go_to("library")
        st.link_button(
            "Download the original",
            f"/api/documents/{document.id}/original",
            icon=":material/download:",
        )


def _show_preparing(document_id: DocumentId) -> None:
    services, principal = session.services(), session.principal()
    try:
        document = services.catalog.readable(principal, document_id)
    except NotFound:  # deleted in another tab: the page says so, and polls no more
        st.rerun()
    if document.state is not DocumentState.PREPARING:
        st.rerun()
    st.title(wording.plain(document.title), anchor=False)
    jobs = services.jobs.for_document(
        document.principal, document_id, kind=JobKind.PREPARE
    )
    if jobs:
        line = wording.plain(time_left.progress_line(jobs[0]))
        st.progress(wording.fraction(jobs[0]), text=line)
    st.caption("The text appears here by itself, ready to play.")
    st.space("small")
    for height in (26, 90, 90, 60):
        st.skeleton(height)


def _show_document(document: Document) -> None:
    with st.sidebar:
        mount("outline", key="outline", data={})
    voice = voice_of(session.services(), document)
    look = _show_toolbar(document, voice_id=voice.id)
    mount(
        "reader",
        key="reader",
        data={
            **reader_tools.jump_request(document),
            "document": document.id,
            "play": session.play_token(document.id),
            "voice": voice.id,
            # A new state makes the browser load the manifest again, place kept.
            "state": f"{document.version}.{document.revision}",
            **look,
        },
    )


def _show_toolbar(document: Document, *, voice_id: str) -> dict[str, Any]:
    """Show the row above the text; return how the text is to look."""
    text = text_of(session.services(), document)
    skipped = skipped_entries(text, document.policy)
    with st.container(
        horizontal=True,
        horizontal_alignment="right",
        vertical_alignment="center",
        gap="small",
        key="reader-tools",
    ):
        if document.is_shared:
            st.caption(
                f":material/group: {sharing.shared_by(document)}", width="content"
            )
        else:
            full = full_policy(document.policy)
            reader_tools.show_skipped(document, skipped, full)
        look = reader_tools.show_display()
        reader_tools.show_voices(document, voice_id=voice_id)
        reader_tools.show_bookmarks(document)
        if not document.is_shared:
            reader_tools.show_filters(document)
            reader_tools.show_recognitions(document)
            exporting.show_exports(document)
            reader_tools.show_sharing(document)
    return look
