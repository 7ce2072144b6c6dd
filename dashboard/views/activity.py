"""Activity: what is being done now, what was done, and why something was not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import following, session
from dashboard.views import batching, wording
from lectern.errors import may_succeed_again
from lectern.ids import DocumentId
from lectern.jobs.states import JobKind, JobState
from resources.stores.jobs import Job

POLL_SECONDS = 1.0
HISTORY_ROWS = 500
ROW_PX = 35
UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
TIMES: dict[str, timedelta | None] = {
    "Last 7 days": timedelta(days=7),
    "Last 30 days": timedelta(days=30),
    "All time": None,
}


def show() -> None:
    """Show the activity page."""
    st.title("Activity", anchor=False)
    running = _unfinished()
    st.header("Running now", anchor=False)
    # Listening runs come and go with the player, so the page looks now and then
    # even when nothing runs.
    is_busy = bool(running) or _unfinished_batches()
    live = st.fragment(_show_running, run_every=POLL_SECONDS if is_busy else None)
    live(frozenset(job.id for job in running))
    st.header("History", anchor=False)
    _show_history()


def _unfinished() -> Sequence[Job]:
    return session.services().jobs.list(
        session.principal(), states=UNFINISHED, alone=True
    )


def _unfinished_batches() -> bool:
    batches = batching.shown_batches()
    return any(progress.state in batching.UNFINISHED for _, _, progress in batches)


def _titles() -> dict[DocumentId, str]:
    return session.services().catalog.titles(session.principal())


def _show_running(were_running: frozenset[str]) -> None:
    jobs = _unfinished()
    if {job.id for job in jobs} != were_running:
        st.rerun()
    titles, now = _titles(), datetime.now(UTC)
    batching.show_batches(titles)
    if not jobs:
        if not _unfinished_batches():
            st.caption("Nothing is running.")
        return
    for job in jobs:
        _show_running_job(job, titles.get(job.document_id, "Deleted document"), now)


def _show_running_job(job: Job, title: str, now: datetime) -> None:
    line = wording.progress_line(job, now)
    if job.state is JobState.QUEUED:
        line = (
            f"{line} · for {wording.duration((now - job.created_at).total_seconds())}"
        )
    with st.container(border=True, key=f"running-{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{wording.plain(title)}**  \n"
                f":gray[{wording.plain(wording.job_name(job))} · "
                f"{wording.plain(line)}]",
                width="stretch",
            )
            if job.cancel_requested:
                st.caption("Stopping…", width="content")
            else:
                st.button(
                    "Stop",
                    icon=":material/stop_circle:",
                    type="tertiary",
                    key=f"stop-{job.id}",
                    on_click=following.stop,
                    args=(session.here(), session.principal(), job),
                )
        if job.kind is not JobKind.LISTEN:
            st.progress(wording.fraction(job))


def _show_history() -> None:
    jobs = _filtered_history()
    if not jobs:
        st.caption("Nothing here yet. Finished work is listed with its log.")
        return
    titles = _titles()
    picked = st.dataframe(
        _table(jobs, titles),
        hide_index=True,
        height=min(ROW_PX * (len(jobs) + 1) + 3, 9 * ROW_PX),
        on_select="rerun",
        selection_mode="single-row",
        key="history",
        placeholder="",
        column_config={
            "Started": st.column_config.DatetimeColumn(format="distance"),
            "Took": st.column_config.TextColumn(width="small"),
            "Why": st.column_config.TextColumn(width="large"),
        },
        alt="Finished work, newest first",
    )
    rows = picked["selection"]["rows"]
    if rows and rows[0] < len(jobs):
        job = jobs[rows[0]]
        _show_job(job, titles.get(job.document_id, "Deleted document"))
    else:
        st.caption("Choose a row to see its log.")


def _filtered_history() -> list[Job]:
    """Show the filters, and return the jobs that pass them."""
    with st.grid(4, min_column_width=150, gap="small"):
        search = st.text_input(
            "Search",
            placeholder="Title, job or error",
            live=True,
            label_visibility="collapsed",
            icon=":material/search:",
        )
        state = st.selectbox(
            "State",
            [None, *ENDED],
            format_func=lambda s: wording.STATE_NAMES[s] if s else "Any state",
            label_visibility="collapsed",
        )
        kind = st.selectbox(
            "Kind",
            [None, *JobKind],
            format_func=lambda k: wording.JOB_NAMES[k] if k else "Any kind",
            label_visibility="collapsed",
        )
        when = st.selectbox("When", list(TIMES), label_visibility="collapsed")
    jobs = session.services().jobs.list(
        session.principal(),
        states=(state,) if state else ENDED,
        kinds=(kind,) if kind else (),
        alone=True,
        limit=HISTORY_ROWS,
    )
    since = TIMES[when]
    now = datetime.now(UTC)
    return [
        job
        for job in jobs
        if (since is None or now - job.created_at <= since) and _has(job, search or "")
    ]


def _has(job: Job, search: str) -> bool:
    if not search.strip():
        return True
    title = _titles().get(job.document_id, "")
    words = f"{title} {job.id} {job.error_code or ''} {job.error_message or ''}"
    return search.strip().casefold() in words.casefold()


def _table(jobs: list[Job], titles: dict[DocumentId, str]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "State": wording.STATE_NAMES[job.state],
            "Title": titles.get(job.document_id, "Deleted document"),
            "Work": wording.job_name(job),
            "Started": job.started_at or job.created_at,
            "Took": _took(job),
            "Why": job.error_message or "",
        }
        for job in jobs
    ]
    return pd.DataFrame(rows)


def _took(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return "–"
    seconds = (job.finished_at - job.started_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 10 else wording.duration(seconds)


def _show_job(job: Job, title: str) -> None:
    here, principal = session.here(), session.principal()
    with st.container(border=True, key="job"):
        st.markdown(
            f"**{wording.plain(title)}** · {wording.plain(wording.job_name(job))} · "
            f"{wording.STATE_NAMES[job.state]}"
        )
        if job.error_message:
            st.error(wording.plain(job.error_message), icon=":material/error:")
        log = here.services.joblog.read(principal, job.id)
        st.code(log or "This job wrote nothing.", language="log", height=240)
        with st.container(horizontal=True, vertical_alignment="center"):
            is_over = job.state is JobState.DONE or title == "Deleted document"
            if not is_over and may_succeed_again(job.error_code):
                st.button(
                    "Try again from where it stopped",
                    icon=":material/replay:",
                    type="primary",
                    on_click=following.retry_job,
                    args=(here, principal, job),
                )
            st.download_button(
                "Log", log, f"{job.id}.log", "text/plain", icon=":material/download:"
            )
            if job.run_id:
                st.link_button(
                    "Run in Dagster",
                    f"http://127.0.0.1:{here.settings.dagster_port}/runs/{job.run_id}",
                    icon=":material/open_in_new:",
                    type="tertiary",
                )
            st.caption(f"Job {job.id}", width="content")
