"""The ways into the library, and back out of the bin."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard import following, intake, session
from dashboard.api.texts import NewText, take_text
from dashboard.components.mount import mount
from dashboard.views import wording
from dashboard.views.limits import show_left, why_not
from lectern.documents.addresses import ADDRESS_CHARS, looks_like_address
from lectern.documents.formats import Format
from lectern.documents.titles import TITLE_CHARS
from lectern.errors import DiskReserveReached, LecternError, NotFound
from lectern.ids import DocumentId
from lectern.jobs.states import JobKind
from lectern.settings import PIECE_BYTES
from resources.stores.catalog import Document

ACCEPTED = (
    ".pdf,.epub,.docx,.odt,.rtf,.pptx,.fb2,.html,.htm,.md,.markdown,.txt,"
    ".png,.jpg,.jpeg,.gif,.tif,.tiff,.webp,.bmp,.heic"
)
"""What the file dialog offers. What is taken is decided by content."""

QUOTED_PAGES = 1000
"""Nothing is known of a file before it is here, so a round number is quoted."""
UNDO_FOR = timedelta(seconds=60)

_DELETED = "_deleted"


def show_disk() -> None:
    """Say before anybody tries that there is no room for new work."""
    try:
        session.services().require_disk()
    except DiskReserveReached as error:
        st.warning(
            f"Nothing new can be made. {wording.plain(error.message)}",
            icon=":material/hard_drive:",
        )


def show_uploads() -> None:
    """Show the drop zone: the whole page takes files, and pasted text."""
    limits = session.services().limits.of(session.principal())
    result = mount(
        "upload",
        key="uploads",
        data={
            "limits": {
                "upload_bytes": limits.upload_bytes,
                "piece_bytes": PIECE_BYTES,
            },
            "accept": ACCEPTED,
            "recognisers": _recognisers(),
            "fetches": session.here().settings.web.enabled,
        },
        # The rerun that a trigger brings is what shows the new documents.
        on={"uploaded": _nothing, "pasted": _nothing, "addressed": _nothing},
    )
    full = show_left("documents", "stored_bytes")
    if reason := why_not(full):
        st.warning(
            f"Nothing more can be added. {wording.plain(reason)} Delete some first.",
            icon=":material/block:",
        )
    pasted = result.pasted  # a text, or True for the button
    if isinstance(pasted, str) and looks_like_address(pasted):
        fetch(pasted.strip())
    elif pasted:
        paste(pasted if isinstance(pasted, str) else "")
    elif result.addressed:
        fetch()


def _recognisers() -> list[dict[str, str]]:
    """Return who may read what is uploaded, and what that costs; mostly one."""
    services = session.services()
    if len(services.recognition_engines().names()) < 2:
        return []
    offers = services.recognitions().general_offers(
        session.principal(), pages=QUOTED_PAGES
    )
    return [
        {"name": o.recogniser, "label": o.label, "quote": wording.quote(o.scans)}
        for o in offers
        if not o.why_not
    ]


def _nothing() -> None:
    """Do nothing."""


@st.dialog("Paste a text", width="medium")
def paste(text: str = "") -> None:
    """Ask for a text and put it into the library."""
    limit_bytes = session.services().limits.of(session.principal()).text_bytes
    with st.form("paste", border=False):
        title = st.text_input(
            "Title", placeholder="Taken from the first line", max_chars=TITLE_CHARS
        )
        pasted = st.text_area("Text", value=text, height=280)
        is_markdown = st.toggle(
            "It is Markdown", help="Headings, lists and links are then understood."
        )
        if not st.form_submit_button("Add to library", type="primary"):
            return
    new = NewText(
        title=title,
        text=pasted[:limit_bytes],
        format=Format.MARKDOWN.value if is_markdown else Format.TEXT.value,
    )
    try:
        taken = take_text(session.here(), session.principal(), new)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    _welcome(taken)
    st.rerun()


@st.dialog("From the web", width="medium")
def fetch(address: str = "") -> None:
    """Ask for a web address and put what lies there into the library."""
    with st.form("fetch", border=False):
        named = st.text_input(
            "Address of a page or file",
            value=address,
            placeholder="https://example.org/article",
            max_chars=ADDRESS_CHARS,
        )
        st.caption(
            "The page is fetched as a stranger sees it, and kept; its advertising and "
            "menus are left out. PDF and EPUB files can be named too."
        )
        if not st.form_submit_button("Add to library", type="primary"):
            return
    try:
        with st.spinner("Fetching …"):
            taken = intake.take_page(session.here(), session.principal(), named)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    _welcome(taken)
    st.rerun()


def _welcome(taken: intake.Taken) -> None:
    title = wording.plain(taken.document.title)
    if taken.already_had:
        st.toast(f"“{title}” was in your library already.", icon=":material/info:")
    else:
        st.toast(f"“{title}” is in your library.", icon=":material/check:")
    if taken.job is not None:
        following.launch(session.here(), taken.job)


@st.dialog("Rename")
def rename(document: Document) -> None:
    """Ask for another title."""
    with st.form("rename", border=False):
        title = st.text_input("Title", value=document.title, max_chars=TITLE_CHARS)
        if not st.form_submit_button("Rename", type="primary"):
            return
    try:
        session.services().catalog.rename(session.principal(), document.id, title)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    st.rerun()


def delete(*documents: Document) -> None:
    """Take documents away, and remember them so that they can be brought back."""
    services, principal = session.services(), session.principal()
    for document in documents:
        for job in services.jobs.for_document(principal, document.id):
            if not job.state.is_final:
                following.stop(session.here(), principal, job)
        services.catalog.delete(principal, document.id)
    said = f"“{wording.plain(documents[0].title)}” was deleted."
    if len(documents) > 1:
        said = f"{len(documents):,} documents were deleted."
    ids = [document.id for document in documents]
    st.session_state[_DELETED] = (ids, said, datetime.now(UTC))


def show_deleted() -> None:
    """Offer to undo the last deletion, for a minute."""
    deleted = st.session_state.get(_DELETED)
    if deleted is None:
        return
    document_ids, said, at = deleted
    if datetime.now(UTC) - at > UNDO_FOR:
        del st.session_state[_DELETED]
        return
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key="undo"
    ):
        st.markdown(said, width="stretch")
        st.button("Undo", icon=":material/undo:", on_click=_undo, args=document_ids)


def _undo(*document_ids: DocumentId) -> None:
    del st.session_state[_DELETED]
    for document_id in document_ids:
        restore(document_id)


def restore(document_id: DocumentId) -> bool:
    """Bring a document back, and its preparation where that was stopped with it."""
    services, principal = session.services(), session.principal()
    try:
        document = services.catalog.restore(principal, document_id)
    except NotFound as error:
        st.toast(wording.plain(error.message), icon=":material/error:")
        return False
    if not document.version:
        following.retry(session.here(), principal, document_id, JobKind.PREPARE)
    return True
