"""What a run prints, kept for the Dagster UI.

Dagster's own manager starts four helper processes for each run, to copy output to
the terminal as well. Ours only turns the output into the file that the UI reads.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import (
    IO_TYPE_EXTENSION,
    LocalComputeLogManager,
)
from dagster._serdes import ConfigurableClassData
from dagster._utils import ensure_file, touch_file


class RunOutput(LocalComputeLogManager):
    """Keeps standard output and error of runs as files, and nothing else."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "RunOutput":
        """Make the manager from its configuration."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        """Send this process's output to the run's files while the block lasts."""
        paths = [
            self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind])
            for kind in (ComputeIOType.STDOUT, ComputeIOType.STDERR)
        ]
        for path in paths:
            ensure_file(path)
        with (
            redirect_to_file(sys.stdout, paths[0]),
            redirect_to_file(sys.stderr, paths[1]),
        ):
            yield CapturedLogContext(log_key)
        done = self.complete_artifact_path(log_key)  # type: ignore[no-untyped-call]
        touch_file(done)
