"""Job logs: one text file a job, for people to read."""

from datetime import UTC, datetime
from pathlib import Path

from lectern.accounts.people import Principal
from lectern.ids import JobId
from resources.stores.blobs import translated_os_errors
from resources.stores.jobs import Jobs

READ_BYTES = 256 * 1024
"""The newest bytes that are shown of a long log."""


class JobLog:
    """A folder of log files."""

    def __init__(self, folder: Path, jobs: Jobs) -> None:
        self._folder = folder
        self._jobs = jobs
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, job_id: JobId, line: str) -> None:
        """Add a line, stamped with the time."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        with translated_os_errors(), self._path(job_id).open("a") as file:
            file.write(f"{stamp} {line.rstrip()}\n")

    def read(self, principal: Principal, job_id: JobId) -> str:
        """Return the log of a job of this person, or its newest part."""
        job = self._jobs.get(principal, job_id)
        try:
            with self._path(job.id).open("rb") as file:
                size_bytes = file.seek(0, 2)
                file.seek(max(0, size_bytes - READ_BYTES))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return text if size_bytes <= READ_BYTES else text.partition("\n")[2]

    def job_ids(self) -> list[JobId]:
        """Return the jobs that have a log."""
        return [JobId(path.stem) for path in self._folder.glob("*.log")]

    def written(self, job_id: JobId) -> tuple[int, datetime] | None:
        """Return a log's bytes and when it was last added to; None when it is gone."""
        try:
            status = self._path(job_id).stat()
        except FileNotFoundError:
            return None
        return status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)

    def delete(self, job_id: JobId) -> None:
        """Remove a log."""
        self._path(job_id).unlink(missing_ok=True)

    def _path(self, job_id: JobId) -> Path:
        return self._folder / f"{job_id}.log"
