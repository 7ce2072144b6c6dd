"""Job logs: what a job's owner may read of how it went.

One text file a job, of a bounded size: its beginning is kept, which says what was to
be done and with what, and its end, which says what came of it. Every line is redacted
before it is written.
"""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from lectern.accounts.people import Principal
from lectern.ids import JobId
from lectern.operations.redaction import Redactor
from resources.stores.blobs import translated_os_errors
from resources.stores.jobs import Jobs
from resources.stores.ownership import for_installation

HEAD_BYTES = 128 * 1024
"""Kept of the beginning."""
TAIL_BYTES = 128 * 1024
"""Kept of the end, at least; twice as much at most."""
LINE_CHARS = 8000
LEFT_OUT = "… The middle of this log is left out: it is longer than is kept. …\n"


class JobLog:
    """A folder of log files."""

    def __init__(self, folder: Path, jobs: Jobs, redactor: Redactor) -> None:
        self._folder = folder
        self._jobs = jobs
        self._redactor = redactor
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @for_installation("a worker writes what it does")
    def append(self, job_id: JobId, text: str) -> None:
        """Add a line, stamped with the time; further lines of a text are indented."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        first, *more = self._redactor.redact(text).rstrip().splitlines() or [""]
        lines = [f"{stamp} {first[:LINE_CHARS]}\n"]
        lines += [f"    {line[:LINE_CHARS]}\n" for line in more]
        data = "".join(lines).encode(errors="replace")
        with translated_os_errors():
            self._write(job_id, data)

    def read(self, principal: Principal, job_id: JobId) -> str:
        """Return the log of a job of this person: its beginning and its end.

        Raises:
            NotFound: The person has no such job.
        """
        job = self._jobs.get(principal, job_id)
        head, older, newer = (_text(path) for path in self._paths(job.id))
        is_whole = not older
        return head + ("" if is_whole else LEFT_OUT) + older + newer

    @for_installation("upkeep forgets old logs")
    def job_ids(self) -> list[JobId]:
        """Return the jobs that have a log."""
        names = {path.name.split(".", 1)[0] for path in self._folder.glob("*.log")}
        return [JobId(name) for name in sorted(names)]

    @for_installation("upkeep forgets old logs")
    def written(self, job_id: JobId) -> tuple[int, datetime] | None:
        """Return a log's bytes and when it was last added to; None when it is gone."""
        found = []
        for path in self._paths(job_id):
            with suppress(FileNotFoundError):
                found.append(path.stat())
        if not found:
            return None
        last = max(status.st_mtime for status in found)
        size_bytes = sum(status.st_size for status in found)
        return size_bytes, datetime.fromtimestamp(last, UTC)

    @for_installation("upkeep forgets old logs")
    def delete(self, job_id: JobId) -> None:
        """Remove a log."""
        for path in self._paths(job_id):
            path.unlink(missing_ok=True)

    def _write(self, job_id: JobId, data: bytes) -> None:
        head, older, newer = self._paths(job_id)
        if _size_bytes(head) + len(data) <= HEAD_BYTES and not newer.exists():
            _append(head, data)
            return
        if _size_bytes(newer) + len(data) > TAIL_BYTES and newer.exists():
            newer.replace(older)
        _append(newer, data[-TAIL_BYTES:])

    def _paths(self, job_id: JobId) -> tuple[Path, Path, Path]:
        """Return the files of the beginning, of the end before last, and of the end."""
        names = (f"{job_id}.log", f"{job_id}.older.log", f"{job_id}.newer.log")
        head, older, newer = (self._folder / name for name in names)
        return head, older, newer


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ""
