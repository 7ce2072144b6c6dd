"""What recovery asks of a launcher: whether a run still has somebody who does it."""

from typing import Protocol, runtime_checkable

from dagster import DagsterRun


@runtime_checkable
class MindsRuns(Protocol):
    """A launcher that knows what became of the runs it was given."""

    def is_reachable(self) -> bool:
        """Whether a launch would be heard now; without that, nothing can be said."""

    def has_process(self, run: DagsterRun) -> bool:
        """Whether an unfinished run is carried out, or waits where it will be."""
