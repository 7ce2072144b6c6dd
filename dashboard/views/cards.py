"""One document as a card in the library."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import streamlit as st

from dashboard import following, session
from dashboard.api.manifests import MS_PER_CHAR
from dashboard.views import adding, selecting, sharing, time_left, wording
from lectern.documents.blocks import Block
from lectern.documents.formats import Format
from lectern.documents.spoken import speak
from lectern.errors import NotFound, may_succeed_again
from lectern.jobs.states import DocumentState, JobKind
from resources.stores.catalog import Document
from resources.stores.cursors import Cursor
from resources.stores.jobs import Job
from resources.texts import text_of

ICONS = {
    Format.PDF: "picture_as_pdf",
    Format.IMAGE: "image",
    Format.EPUB: "auto_stories",
    Format.FB2: "auto_stories",
    Format.PPTX: "slideshow",
    Format.HTML: "language",
    Format.MARKDOWN: "markdown",
    Format.TEXT: "notes",
}
OTHER_ICON = "description"
NAMES = {Format.MARKDOWN: "Markdown", Format.TEXT: "Text", Format.IMAGE: "Image"}

BadgeColor = Literal["red", "orange", "green"]

RENAME, SHARE, DELETE, LEAVE = "Rename", "Share…", "Delete", "Leave"
PIN, UNPIN = "Pin", "Unpin"


LAST_WORD_MS = 600
"""Who stops so shortly before the end has heard it."""


def listening_seconds(document: Document) -> float:
    """Return about how long it takes to hear a document."""
    return document.spoken_chars * MS_PER_CHAR / 1000


def heard_fraction(document: Document, cursor: Cursor | None) -> float:
    """Return how far a listener is, 0…1."""
    if cursor is None or document.block_count < 2:
        return 0.0
    return min(1.0, cursor.block_index / (document.block_count - 1))


def is_heard(document: Document, cursor: Cursor) -> bool:
    """Whether a listener is at the end of the last block that is spoken."""
    if heard_fraction(document, cursor) < 0.5:
        return False  # notes at the end are rarely more: its text need not be read
    text = text_of(session.services(), document)
    if text is None:
        return False
    here, *after = text.blocks[cursor.block_index :]
    if not all(speak(block, document.policy).skipped_because for block in after):
        return False
    return cursor.offset_ms + LAST_WORD_MS >= _duration_ms(document, here, cursor)


def _duration_ms(document: Document, block: Block, cursor: Cursor) -> int:
    """Return how long a block sounds; where it was not voiced, the least it may."""
    made = session.services().variants.keys_of(
        document.reader, document.id, cursor.voice_id
    )
    if block.index in made:
        return made[block.index][1]
    return len(speak(block, document.policy).text) * MS_PER_CHAR // 2


def show_continue(documents: Sequence[Document]) -> None:
    """Offer to go on with what was heard last and not to its end."""
    cursors = session.services().cursors.all(session.principal())
    begun = [
        (cursor, document)
        for document in documents
        if document.state is DocumentState.READY
        and (cursor := cursors.get(document.id)) is not None
        and cursor.updated_at is not None
    ]
    begun.sort(key=lambda pair: str(pair[0].updated_at), reverse=True)
    left_over = ((c, document) for c, document in begun if not is_heard(document, c))
    cursor, document = next(left_over, (None, None))
    if cursor is None or document is None:
        return
    share = heard_fraction(document, cursor)
    left = wording.duration(listening_seconds(document) * (1 - share) / cursor.rate)
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key="continue"
    ):
        st.markdown(
            f":gray[Continue]  \n**{wording.plain(document.title)}**", width="stretch"
        )
        st.progress(share, text=f":small[{share:.0%} · {left} left]", width=220)
        if st.button("Resume", icon=":material/play_arrow:", type="primary"):
            session.open_document(document.id, play=True)


def show_card(
    document: Document,
    job: Job | None,
    *,
    search: str,
    now: datetime,
    is_voiced: bool = False,
    is_pinned: bool = False,
) -> None:
    """Show a document, what it is doing and what can be done with it."""
    with st.container(border=True, height="stretch", key=f"card-{document.id}"):
        _show_head(document, job, now, is_pinned=is_pinned)
        # A heading of the page's outline, in the size of a card.
        st.markdown(f"## {wording.plain(document.title)}", anchors=False)
        # A word that was looked for is shown where it stands, whatever goes on.
        is_found = bool(search and document.snippet)
        if is_found:
            st.caption(f"“{wording.plain(document.snippet)}”")
        if job is not None:
            _show_progress(document, job)
        elif document.state is DocumentState.FAILED:
            st.caption(f":red[{wording.plain(document.error_message or 'It failed.')}]")
        elif not is_found:
            st.caption(_size_line(document, is_voiced=is_voiced))
        if document.is_shared:
            st.caption(f":material/group: {sharing.shared_by(document)}")
            _show_shared_actions(document)
        elif selecting.is_on():
            selecting.show_box(document)
        else:
            _show_actions(document, is_pinned=is_pinned)


def _show_head(
    document: Document, job: Job | None, now: datetime, *, is_pinned: bool
) -> None:
    icon = ICONS.get(document.format, OTHER_ICON)
    name = NAMES.get(document.format, document.format.upper())
    label, color = _badge(document, job)
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        wrap=False,
    ):
        st.caption(
            f":material/{icon}: {name} · {wording.ago(document.created_at, now)}"
            + (" · :material/keep:" if is_pinned else ""),
            width="content",
        )
        st.badge(label, color=color)


def _badge(document: Document, job: Job | None) -> tuple[str, BadgeColor]:
    if document.state is DocumentState.FAILED:
        return "Failed", "red"
    if document.state is DocumentState.PREPARING:
        return "Preparing", "orange"
    if job is not None and job.kind in (JobKind.RENDER, JobKind.VOICE):
        return "Speaking", "orange"
    return "Ready", "green"


def _show_progress(document: Document, job: Job) -> None:
    line = wording.plain(time_left.progress_line(job))
    if document.state is DocumentState.READY:
        line = f"{wording.fraction(job):.0%} voiced · **playable now**"
    st.progress(wording.fraction(job), text=f":small[{line}]")


def _size_line(document: Document, *, is_voiced: bool) -> str:
    if document.state is DocumentState.PREPARING:
        return "Waiting for a worker"
    parts = []
    if document.page_count > 1:
        parts.append(wording.count(document.page_count, "page", "pages"))
    parts.append(wording.count(document.block_count, "block", "blocks"))
    parts.append(wording.duration(listening_seconds(document)))
    if is_voiced:
        parts.append(":material/check: all spoken")
    return " · ".join(parts)


def _show_actions(document: Document, *, is_pinned: bool) -> None:
    is_ready = document.state is DocumentState.READY
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if document.state is DocumentState.FAILED:
            _show_way_out(document)
        elif st.button(
            "Listen" if is_ready else "Open",
            icon=":material/play_arrow:" if is_ready else ":material/menu_book:",
            key=f"open-{document.id}",
        ):
            session.open_document(document.id, play=is_ready)
        pin = UNPIN if is_pinned else PIN
        options = [RENAME, *([SHARE] if sharing.is_offered() else []), pin, DELETE]
        chosen = st.menu_button(
            "More", options=options, key=f"more-{document.id}", type="tertiary"
        )
    if chosen == RENAME:
        adding.rename(document)
    elif chosen == SHARE:
        sharing.open_dialog(document)
    elif chosen in (PIN, UNPIN):
        _pin(document, is_kept=chosen == PIN)
        st.rerun()
    elif chosen == DELETE:
        adding.delete(document)
        st.rerun()


def _pin(document: Document, *, is_kept: bool) -> None:
    pins, principal = session.services().pins, session.principal()
    if not is_kept:
        pins.unpin(principal, document.id)
        return
    try:
        pins.pin(principal, document.id)
    except NotFound as error:  # deleted in another tab
        st.toast(wording.plain(error.message), icon=":material/error:")
    else:
        st.toast(
            "Pinned: nothing of it is cleared away by itself.",
            icon=":material/keep:",
        )


def _show_shared_actions(document: Document) -> None:
    """Show what can be done with a document of somebody else: hear it, or leave it."""
    is_ready = document.state is DocumentState.READY
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if st.button(
            "Listen",
            icon=":material/play_arrow:",
            key=f"open-{document.id}",
            disabled=not is_ready,
        ):
            session.open_document(document.id, play=True)
        chosen = st.menu_button(
            "More", options=[LEAVE], key=f"more-{document.id}", type="tertiary"
        )
    if chosen == LEAVE:
        sharing.leave(document)
        st.rerun()


def _show_way_out(document: Document) -> None:
    """Offer another try where it may help, else to take the document away."""
    if not may_succeed_again(document.error_code):
        if st.button(DELETE, icon=":material/delete:", key=f"delete-{document.id}"):
            adding.delete(document)
            st.rerun()
        return
    st.button(
        "Retry",
        icon=":material/replay:",
        key=f"retry-{document.id}",
        on_click=following.retry,
        args=(
            session.here(),
            session.principal(),
            document.id,
            JobKind.PREPARE,
        ),
    )
