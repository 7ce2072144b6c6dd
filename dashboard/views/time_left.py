"""How long jobs still take, as a page shows it: steadily, not leaping about."""

from datetime import UTC, datetime

import streamlit as st

from dashboard import session
from dashboard.views import wording
from lectern.jobs.pace import Estimate, steadied
from resources.stores.jobs import Job

_SHOWN = "_time-left"
MOST = 200
"""Jobs whose last shown time is remembered by a page."""


def progress_line(job: Job) -> str:
    """Return what a job is doing, how far it is and how long it still takes."""
    return wording.progress_line(job, time_left(job, datetime.now(UTC)))


def time_left(job: Job, now: datetime) -> Estimate | None:
    """Return how long to say that a job still takes; None while nobody can."""
    estimate = session.services().foretelling().left(job, now)
    if estimate is None:
        return None
    shown: dict[str, tuple[Estimate, datetime]] = st.session_state.setdefault(
        _SHOWN, {}
    )
    before, at = shown.pop(job.id, (None, now))
    steady = steadied(before, estimate, passed_seconds=(now - at).total_seconds())
    shown[job.id] = steady, now
    while len(shown) > MOST:
        del shown[next(iter(shown))]
    return steady
