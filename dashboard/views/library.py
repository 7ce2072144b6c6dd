"""The library: everything a person has, and the way in for more."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import streamlit as st

from dashboard import session
from dashboard.views import adding, cards, selecting, wording
from dashboard.views.voiced import fully_voiced
from lectern.ids import DocumentId
from lectern.jobs.states import DocumentState, JobKind, JobState
from resources.stores.catalog import Document
from resources.stores.jobs import Job

POLL_SECONDS = 1.0
MATCHES_SHOWN = 60

SHOWN_KINDS = (JobKind.PREPARE, JobKind.RENDER, JobKind.VOICE)
FILTERS: dict[str, Callable[[Document], bool]] = {
    "All": lambda _document: True,
    "Ready": lambda document: document.state is DocumentState.READY,
    "In progress": lambda document: document.state is DocumentState.PREPARING,
    "Failed": lambda document: document.state is DocumentState.FAILED,
}


def show() -> None:
    """Show the library page."""
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="library-header"
    ):
        st.title("Library", width="stretch", anchor=False)
        search = st.text_input(
            "Search",
            placeholder="Search titles and text",
            label_visibility="collapsed",
            icon=":material/search:",
            width=280,
            type="search",
            live=True,
            key="library-search",
        )
        selecting.show_switch()
        _show_trash()
    adding.show_disk()
    adding.show_uploads()
    adding.show_deleted()
    if not session.services().catalog.has_any(session.principal()):
        # The first one may come from elsewhere: another tab, or the first start.
        st.fragment(_invite, run_every=POLL_SECONDS)()
        _show_received(_received(search or ""))
        return
    chosen = st.pills(
        "Show", list(FILTERS), default="All", label_visibility="collapsed"
    )
    # The page asks again by itself only while something is being made.
    live = st.fragment(_shelf, run_every=POLL_SECONDS if _is_busy() else None)
    live(search or "", chosen or "All", was_busy=_is_busy())


def _show_trash() -> None:
    """Lead to what was deleted, where anything was."""
    count = session.services().catalog.deleted_count(session.principal())
    if count and st.button(
        f"Trash ({count:,})", icon=":material/delete:", type="tertiary", key="trash"
    ):
        session.go_to("trash")


def _invite() -> None:
    if session.services().catalog.has_any(session.principal()):
        st.rerun()
    with st.container(border=True, horizontal_alignment="center", key="invitation"):
        st.space("small")
        st.header("Put something on the lectern", anchor=False, text_alignment="center")
        st.markdown(
            "Drop a PDF, an e-book, a Word file, a scan or a photo of a page anywhere "
            "here. It is read aloud within seconds, with the words marked as they are "
            "spoken.",
            text_alignment="center",
        )
        st.caption(
            "PDF · EPUB · DOCX · ODT · RTF · PPTX · FB2 · HTML · Markdown · text · "
            "images",
            text_alignment="center",
        )
        st.space("small")


def _is_busy() -> bool:
    return bool(_unfinished())


def _unfinished() -> Sequence[Job]:
    jobs = session.services().jobs.active(session.principal())
    return [job for job in jobs if job.kind in SHOWN_KINDS and _is_shown(job)]


def _is_shown(job: Job) -> bool:
    """Whether a card shows a job: one of a batch only while it is at work."""
    return job.batch_id is None or job.state is JobState.RUNNING


def _shelf(search: str, chosen: str, *, was_busy: bool) -> None:
    """Show the cards, and end the polling once nothing is being made any more."""
    services, principal = session.services(), session.principal()
    jobs = {job.document_id: job for job in _unfinished()}
    if bool(jobs) != was_busy:
        st.rerun()
    documents = services.catalog.documents(principal, search=search)
    shown = [document for document in documents if FILTERS[chosen](document)]
    received = [one for one in _received(search) if FILTERS[chosen](one)]
    if selecting.is_on():
        selecting.show_bar(shown)
        received = []
    elif not search and chosen == "All":
        cards.show_continue([*shown, *received])
    if not (shown or received):
        _nothing_found(search, chosen)
        return
    now = datetime.now(UTC)
    _show_grid(shown[:MATCHES_SHOWN], jobs, search=search, now=now)
    if len(shown) > MATCHES_SHOWN:
        st.caption(
            f"The {MATCHES_SHOWN} newest of {len(shown):,} are shown. "
            "Search to find the others."
        )
    _show_received(received)


def _received(search: str) -> list[Document]:
    """Return what others have shared."""
    found = session.services().shares.received(session.principal(), search=search)
    return [one.document for one in found]


def _show_received(documents: Sequence[Document]) -> None:
    """Show what others have shared, apart from what is one's own."""
    if not documents:
        return
    st.subheader("Shared with you", anchor=False)
    now = datetime.now(UTC)
    with st.grid(min_column_width=270, gap="small"):
        for document in documents[:MATCHES_SHOWN]:
            cards.show_card(document, None, search="", now=now)


def _show_grid(
    documents: Sequence[Document],
    jobs: dict[DocumentId, Job],
    *,
    search: str,
    now: datetime,
) -> None:
    voiced = fully_voiced(documents)
    pinned = session.services().pins.documents(
        session.principal(), [document.id for document in documents]
    )
    with st.grid(min_column_width=270, gap="small"):
        for document in documents:
            job = jobs.get(document.id)
            cards.show_card(
                document,
                job,
                search=search,
                now=now,
                is_voiced=document.id in voiced,
                is_pinned=document.id in pinned,
            )


def _nothing_found(search: str, chosen: str) -> None:
    if search:
        st.info(
            f"Nothing has “{wording.plain(search)}” in its title or text.",
            icon=":material/search_off:",
        )
    else:
        st.info(f"Nothing is “{chosen.lower()}”.", icon=":material/done_all:")
