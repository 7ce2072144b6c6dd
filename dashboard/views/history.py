"""The history of jobs: filtered, page by page, each with its log."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import following, session
from dashboard.views import history_filters, wording
from lectern.errors import NotFound, may_succeed_again
from lectern.jobs.history import JobFilter
from lectern.jobs.states import JobState
from resources.stores.jobs import Job

PAGE_JOBS = 50
ROW_PX = 35
ROWS_SHOWN = 10
_PAGES = "_history-pages"
_OF = "_history-of"


def show() -> None:
    """Show the filters, the jobs that pass them, and the log of a chosen one."""
    wanted = history_filters.show()
    if st.session_state.get(_OF) != wanted:
        st.session_state[_OF] = wanted
        st.session_state[_PAGES] = []
    pages: list[str] = st.session_state[_PAGES]
    page = session.services().job_history.page(
        session.principal(),
        wanted,
        after=pages[-1] if pages else None,
        limit=PAGE_JOBS,
    )
    if not page.jobs:
        _show_nothing(wanted)
        return
    chosen = _table(page.jobs, page_number=len(pages))
    if pages or page.next:
        _show_pages(pages, page.next)
    if chosen is None:
        st.caption("Choose a row to see its log.")
    else:
        _show_job(chosen)


def _show_nothing(wanted: JobFilter) -> None:
    if wanted == JobFilter():
        st.caption("Nothing here yet. Finished work is listed with its log.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("No work passes these filters.", width="content")
        st.button(
            "Show all",
            icon=":material/filter_alt_off:",
            type="tertiary",
            on_click=history_filters.take,
            args=(JobFilter(),),
        )


def _show_pages(pages: list[str], following_page: str | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Newer",
            icon=":material/chevron_left:",
            type="tertiary",
            disabled=not pages,
            on_click=pages.__delitem__,
            args=(-1,),
        )
        st.caption(f"Page {len(pages) + 1}", width="content")
        st.button(
            "Older",
            icon=":material/chevron_right:",
            type="tertiary",
            disabled=following_page is None,
            on_click=pages.append,
            args=(following_page,),
        )


def _table(jobs: Sequence[Job], *, page_number: int) -> Job | None:
    """Show jobs; return the chosen one, as it is now."""
    picked = st.dataframe(
        pd.DataFrame([_row(job) for job in jobs]),
        hide_index=True,
        height=min(ROW_PX * (len(jobs) + 1) + 3, ROWS_SHOWN * ROW_PX),
        on_select="rerun",
        selection_mode="single-row",
        key=f"history-{page_number}",
        placeholder="",
        column_config={
            "Started": st.column_config.DatetimeColumn(format="distance"),
            "Took": st.column_config.TextColumn(width="small"),
            "Why": st.column_config.TextColumn(width="large"),
        },
        alt="Work, newest first",
    )
    rows = picked["selection"]["rows"]
    return jobs[rows[0]] if rows and rows[0] < len(jobs) else None


def _row(job: Job) -> dict[str, Any]:
    return {
        "State": wording.STATE_NAMES[job.state],
        "Title": job.title,
        "Work": wording.job_name(job),
        "By": job.voice_id or job.engine,
        "Started": job.started_at or job.created_at,
        "Took": _took(job),
        "Why": job.error_message or "",
    }


def _took(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return "–"
    seconds = (job.finished_at - job.started_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 10 else wording.duration(seconds)


def _show_job(job: Job) -> None:
    with st.container(border=True, key="job"):
        st.markdown(
            f"**{wording.plain(job.title)}** · {wording.plain(wording.job_name(job))} "
            f"· {wording.STATE_NAMES[job.state]}"
        )
        if job.error_message:
            st.error(wording.plain(job.error_message), icon=":material/error:")
        log = session.services().joblog.read(session.principal(), job.id)
        st.code(log or "This job wrote nothing.", language="log", height=240)
        with st.container(horizontal=True, vertical_alignment="center"):
            _show_actions(job)
            st.caption(f"Job {job.id}", width="content")


def _show_actions(job: Job) -> None:
    here, principal = session.here(), session.principal()
    is_over = job.state is not JobState.FAILED and job.state is not JobState.CANCELLED
    if not is_over and may_succeed_again(job.error_code) and _is_there(job):
        st.button(
            "Try again from where it stopped",
            icon=":material/replay:",
            type="primary",
            on_click=following.retry_job,
            args=(here, principal, job),
        )
    st.link_button(
        "Log", f"/api/jobs/{job.id}/log", icon=":material/download:", type="secondary"
    )
    st.button(
        "All work on this document",
        icon=":material/filter_alt:",
        type="tertiary",
        on_click=history_filters.take,
        args=(JobFilter(document_id=job.document_id, with_batches=True),),
    )
    person = session.signed_in()
    is_operator = person is None or person.person.principal.is_operator
    if job.run_id and is_operator:
        st.link_button(
            "Run in Dagster",
            f"http://127.0.0.1:{here.settings.dagster_port}/runs/{job.run_id}",
            icon=":material/open_in_new:",
            type="tertiary",
        )


def _is_there(job: Job) -> bool:
    """Whether the job's document is not deleted."""
    try:
        session.services().catalog.get(session.principal(), job.document_id)
    except NotFound:
        return False
    return True
