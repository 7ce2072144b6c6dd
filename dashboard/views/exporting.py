"""Taking a document away: what there is already, and a dialog that makes more."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st
from pydantic import ValidationError

from dashboard import following, session
from dashboard.api.exports import begin_export, unfinished_exports
from dashboard.views import time_left, wording
from dashboard.views.limits import show_left, why_not
from dashboard.views.remaining import show_remaining
from lectern import units
from lectern.documents.blocks import Chapter, DocumentText
from lectern.errors import DiskReserveReached, LecternError, NotFound
from lectern.exports.formats import FACTS, ExportFormat
from lectern.exports.requests import CHAPTERS_MOST, ExportRequest
from lectern.ids import JobId
from lectern.jobs.states import JobState
from lectern.usage.quotes import price_text
from resources.exporting.quoting import ExportPlan, plan_export
from resources.exporting.sources import request_of
from resources.stores.catalog import Document
from resources.stores.exports import Export
from resources.stores.jobs import Job
from resources.texts import text_of

POLL_SECONDS = 1.0
PREVIEW_CHARS = 70
LISTED = 12
AS_IT_IS = 0
LOUDNESSES = {
    AS_IT_IS: "As it is",
    -16: "−16 LUFS, web and podcasts",
    -19: "−19 LUFS, one channel",
    -23: "−23 LUFS, broadcast",
}
WHOLE, CHAPTERS, SPAN = "Everything", "Chapters", "A passage"

_MENU = "export-menu"
_OPEN, _STARTED = "_export_open", "_export_started"


def show_exports(document: Document) -> None:
    """Show the original, the files made before, and the way to another."""
    with st.popover(
        "Export",
        icon=":material/download:",
        type="tertiary",
        key=_MENU,
        on_change="rerun",
    ):
        st.link_button(
            f"Original ({units.size(document.size_bytes)})",
            f"/api/documents/{document.id}/original",
            icon=":material/draft:",
            width="stretch",
        )
        jobs = _running(document)
        live = st.fragment(_show_files, run_every=POLL_SECONDS if jobs else None)
        live(document, were_running=frozenset(job.id for job in jobs))
        st.button(
            "Audio, book or subtitles…",
            icon=":material/graphic_eq:",
            type="primary",
            width="stretch",
            key="new-export",
            on_click=_open,
            args=(document,),
        )
    # Kept open over reruns of the page: a file that is finished causes one.
    if st.session_state.get(_OPEN) == document.id:
        _show_dialog(document)


def _running(document: Document) -> list[Job]:
    return unfinished_exports(session.here(), session.principal(), document.id)


def _show_files(document: Document, *, were_running: frozenset[str]) -> None:
    try:
        jobs = _running(document)
    except NotFound:  # deleted in another tab: the page says so, and polls no more
        st.rerun()
    if {job.id for job in jobs} != were_running:
        st.rerun()
    for job in jobs:
        _show_progress(job, where="menu")
    services, principal = session.services(), session.principal()
    files = services.exports.list(principal, document.id)
    pinned = services.pins.exports(principal, document.id)
    for export in files[:LISTED]:
        _show_file(export, is_pinned=export.id in pinned)
    if len(files) > LISTED:
        st.caption(f"The newest {LISTED} of {len(files)}.")


def _show_progress(job: Job, *, where: str) -> None:
    name = FACTS[request_of(job).format].name
    line = wording.plain(time_left.progress_line(job))
    st.progress(wording.fraction(job), text=f":small[{name} · {line}]")
    if not job.cancel_requested:
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            type="tertiary",
            key=f"stop-export-{where}-{job.id}",
            on_click=following.stop,
            args=(session.here(), session.principal(), job),
        )


def _show_file(export: Export, *, is_pinned: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.link_button(
            f"{_label(export)} ({units.size(export.size_bytes)})",
            f"/api/exports/{export.id}",
            icon=":material/download:",
            width="stretch",
            help=wording.plain(f"{export.name}, {_made(export)}"),
        )
        st.button(
            "",
            icon=":material/keep_off:" if is_pinned else ":material/keep:",
            help="Kept: let it be cleared away again when it is not used for long"
            if is_pinned
            else "Keep this file, also when it is not used for long",
            type="tertiary",
            key=f"pin-export-{export.id}",
            on_click=_unpin if is_pinned else _pin,
            args=(export,),
        )
        st.button(
            "",
            icon=":material/delete:",
            help="Delete this file",
            type="tertiary",
            key=f"delete-export-{export.id}",
            on_click=_delete,
            args=(export,),
        )


def _pin(export: Export) -> None:
    try:
        session.services().pins.pin(
            session.principal(), export.document_id, export_id=export.id
        )
    except NotFound as error:
        st.toast(wording.plain(error.message), icon=":material/error:")


def _unpin(export: Export) -> None:
    session.services().pins.unpin(
        session.principal(), export.document_id, export_id=export.id
    )


def _label(export: Export) -> str:
    """Return what an export is, in few words."""
    request = ExportRequest.model_validate(export.metadata["request"])
    parts = [request.format.value.upper()]
    if request.by_chapter:
        parts.append("by chapter")
    if request.chapters:
        parts.append(wording.count(len(request.chapters), "chapter", "chapters"))
    elif not request.is_whole:
        parts.append("a passage")
    if request.format is ExportFormat.EPUB and request.granularity == "word":
        parts.append("word by word")
    return " · ".join(parts)


def _made(export: Export) -> str:
    return wording.ago(export.created_at, datetime.now(UTC))


def _delete(export: Export) -> None:
    session.services().exports.delete(session.principal(), export.id)


def _open(document: Document) -> None:
    st.session_state.pop(_STARTED, None)
    st.session_state[_OPEN] = document.id
    st.session_state[_MENU] = False  # it would lie above the dialog


def _close() -> None:
    st.session_state.pop(_OPEN, None)


@st.dialog("Export", width="medium", on_dismiss=_close)
def _show_dialog(document: Document) -> None:
    """Show what can be chosen, what it costs, then how far it is, then the file."""
    started = st.session_state.get(_STARTED)
    if started is not None:
        st.fragment(_follow, run_every=POLL_SECONDS)(started)
        return
    text = text_of(session.services(), document)
    if text is None:
        st.info("This document has no text yet.")
        return
    choices = _choices(document, text)
    if choices.get("chapters") == ():
        st.info("Choose one chapter or more.", icon=":material/toc:")
        return
    try:
        request = ExportRequest.model_validate(choices)
        plan = plan_export(
            session.services(), session.principal(), document.id, request
        )
    except ValidationError as error:
        st.warning(error.errors()[0]["msg"].removeprefix("Value error, "))
        return
    except LecternError as error:
        st.warning(wording.plain(error.message))
        return
    _offer(document, plan)


def _choices(document: Document, text: DocumentText) -> dict[str, Any]:
    """Show the choices; return them as a request's fields."""
    fmt = (
        st.selectbox(
            "Format",
            list(ExportFormat),
            format_func=lambda one: FACTS[one].name,
            key="export-format",
        )
        or ExportFormat.M4B
    )
    st.caption(f"{FACTS[fmt].remark}.")
    chosen: dict[str, Any] = {"format": fmt}
    chosen |= _range_choices(document, text)
    if text.chapters and fmt is not ExportFormat.EPUB:
        chosen["by_chapter"] = st.toggle(
            "One file for each chapter, in a zip", key="export-by-chapter"
        )
    if fmt is ExportFormat.EPUB:
        words = st.segmented_control(
            "Highlight while it is read",
            ["sentence", "word"],
            format_func=lambda one: "Sentences" if one == "sentence" else "Words",
            default="sentence",
            required=True,
            key="export-granularity",
        )
        chosen["granularity"] = words
    if FACTS[fmt].has_sound:
        loudness = st.selectbox(
            "Loudness of the whole",
            list(LOUDNESSES),
            format_func=LOUDNESSES.__getitem__,
            key="export-loudness",
        )
        chosen["loudness_lufs"] = loudness or None
        with st.expander("Author and year"):
            chosen["author"] = st.text_input(
                "Author",
                max_chars=300,
                placeholder="As the document states",
                key="export-author",
            )
            chosen["year"] = st.number_input(
                "Year", 1, 9999, None, format="%d", key="export-year"
            )
    return chosen


def _range_choices(document: Document, text: DocumentText) -> dict[str, Any]:
    offered = [WHOLE, CHAPTERS, SPAN] if text.chapters else [WHOLE, SPAN]
    what = st.segmented_control(
        "What", offered, default=WHOLE, required=True, key="export-what"
    )
    if what == CHAPTERS:
        numbers = st.multiselect(
            "Chapters",
            range(min(len(text.chapters), CHAPTERS_MOST)),
            format_func=lambda number: _chapter_label(text.chapters[number]),
            placeholder="Choose chapters",
            key="export-chapters",
        )
        return {"chapters": tuple(sorted(numbers))}
    if what == SPAN:
        return _span_choice(document, text)
    return {}


def _chapter_label(chapter: Chapter) -> str:
    return "\u2003" * (chapter.level - 1) + chapter.title


def _span_choice(document: Document, text: DocumentText) -> dict[str, Any]:
    """Show where a passage begins and ends; it begins where its reader is."""
    last = len(text.blocks) - 1
    cursor = session.services().cursors.get(session.principal(), document.id)
    here = min(cursor.block_index, last) if cursor else 0
    first_column, last_column = st.columns(2)
    with first_column:
        first = st.number_input("From block", 1, last + 1, here + 1, key="export-first")
        st.caption(wording.plain(_preview(text, int(first) - 1)))
    with last_column:
        end = st.number_input("To block", 1, last + 1, last + 1, key="export-last")
        st.caption(wording.plain(_preview(text, int(end) - 1)))
    return {"first_block": int(first) - 1, "last_block": int(end) - 1}


def _preview(text: DocumentText, index: int) -> str:
    shown = " ".join(text.blocks[index].shown.split())
    if len(shown) <= PREVIEW_CHARS:
        return shown
    return shown[:PREVIEW_CHARS].rsplit(" ", 1)[0] + "…"


def _offer(document: Document, plan: ExportPlan) -> None:
    """Show what an export would take, and the button that begins it."""
    if plan.ready is not None:
        st.success("This file was made before.", icon=":material/check:")
        _show_download(plan.ready)
        return
    st.markdown(_quote_line(plan))
    show_remaining(plan.quote, stored_bytes=plan.size_bytes)
    try:
        session.services().require_disk(plan.size_bytes)
    except DiskReserveReached as error:
        st.warning(wording.plain(error.message), icon=":material/hard_drive:")
        return
    reason = why_not(show_left("daily_exports", "jobs", "stored_bytes"))
    if reason:
        st.warning(wording.plain(reason), icon=":material/block:")
    if st.button(
        "Start",
        icon=":material/play_arrow:",
        type="primary",
        key="start-export",
        disabled=bool(reason),
    ):
        here, principal = session.here(), session.principal()
        try:
            job, is_new = begin_export(here, principal, plan, document.id)
        except LecternError as error:  # met by another tab meanwhile
            st.error(wording.plain(error.message), icon=":material/error:")
            return
        if is_new:
            following.launch(here, job)
        st.session_state[_STARTED] = job.id
        st.rerun()


def _quote_line(plan: ExportPlan) -> str:
    quote = plan.quote
    spoken = "Everything is spoken already"
    if quote.chars:
        chars = wording.count(quote.chars, "character", "characters")
        spoken = f"{chars} still to be spoken, **{price_text(quote)}**"
    parts = [
        f"{wording.duration(quote.audio_ms / 1000)} of sound",
        f"about {units.size(plan.size_bytes)}",
    ]
    if quote.seconds is not None:
        parts.append(f"ready in about {wording.duration(quote.seconds)}")
    return f"{spoken}  \n{' · '.join(parts)}".replace("$", "\\$")


def _follow(job_id: JobId) -> None:
    """Show how far an export is; at its end the file, or why there is none."""
    services, principal = session.services(), session.principal()
    try:
        job = services.jobs.get(principal, job_id)
        services.catalog.get(principal, job.document_id)
    except NotFound:
        _close()
        st.rerun()
    if job.state is JobState.DONE:
        files = services.exports.list(principal, job.document_id)
        made = [one for one in files if _is_of(one, job)]
        if made:
            st.success("The file is ready.", icon=":material/check:")
            _show_download(made[0])
        return
    if job.state.is_final:
        words = job.error_message or "The export was stopped. What is spoken is kept."
        st.error(wording.plain(words), icon=":material/error:")
        return
    _show_progress(job, where="dialog")
    st.caption("You may close this: it goes on, and the file waits under Export.")


def _is_of(export: Export, job: Job) -> bool:
    return bool(export.metadata["request"] == request_of(job).model_dump(mode="json"))


def _show_download(export: Export) -> None:
    st.link_button(
        f"Download ({units.size(export.size_bytes)})",
        f"/api/exports/{export.id}",
        icon=":material/download:",
        type="primary",
    )
    st.caption(wording.plain(export.name))
