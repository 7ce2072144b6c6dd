"""Activity: what is being done now, what was done, and why something was not."""

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from dashboard import following, session
from dashboard.views import batching, history, time_left, wording
from lectern.jobs.states import JobKind, JobState
from resources.stores.jobs import Job

POLL_SECONDS = 1.0
UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


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
    history.show()


def _unfinished() -> Sequence[Job]:
    return session.services().jobs.list(
        session.principal(), states=UNFINISHED, alone=True
    )


def _unfinished_batches() -> bool:
    batches = batching.shown_batches()
    return any(progress.state in batching.UNFINISHED for _, _, progress in batches)


def _show_running(were_running: frozenset[str]) -> None:
    jobs = _unfinished()
    if {job.id for job in jobs} != were_running:
        st.rerun()
    batching.show_batches(session.services().catalog.titles(session.principal()))
    if not jobs:
        if not _unfinished_batches():
            st.caption("Nothing is running.")
        return
    now = datetime.now(UTC)
    for job in jobs:
        _show_running_job(job, now)


def _show_running_job(job: Job, now: datetime) -> None:
    line = time_left.progress_line(job)
    if job.state is JobState.QUEUED:
        line = (
            f"{line} · for {wording.duration((now - job.created_at).total_seconds())}"
        )
    with st.container(border=True, key=f"running-{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{wording.plain(job.title)}**  \n"
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
        if job.kind is not JobKind.LISTEN and job.state is JobState.RUNNING:
            st.progress(wording.fraction(job))
