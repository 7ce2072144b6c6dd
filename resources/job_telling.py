"""What a run tells its job's owner: with what it began, what it logged, how it ended.

Whatever our own packages and libav log in the process while a run works at a job goes
to the job's log; the output of child processes is logged where they are followed.
"""

import json
import logging
import platform
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version

from lectern.errors import LecternError
from lectern.speech.voices import Voice
from resources.engines.recognition.base import Recogniser
from resources.services import Services
from resources.stores.joblog import JobLog
from resources.stores.jobs import Job, Jobs

TOLD = ("lectern", "resources", "assets", "pipelines", "libav", "py")
"""Loggers whose records are the job's."""
NAMED = ("lectern", "dagster", "av", "pypdfium2", "tesserocr", "rapidocr")
"""Distributions whose versions a log begins with, where they are installed."""
WORDS_CHARS = 40_000
MACHINE_CHARS = 64


def machine() -> str:
    """Return what this machine is called among those that work."""
    return socket.gethostname()[:MACHINE_CHARS]


@contextmanager
def telling(services: Services, job: Job) -> Iterator[None]:
    """Write what this process logs to a job's log, while the block lasts."""
    handler = _ToJobLog(services.joblog, job)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def tell_begin(services: Services, job: Job) -> None:
    """Say what is to be done, where, and by which versions of what."""
    services.jobs.describe(job.id, machine=machine())
    say = services.joblog.append
    what = f"{job.kind.value} “{job.title}”"
    say(job.id, f"Begins: {what}, attempt {job.attempts}, run {job.run_id}.")
    say(job.id, f"Versions: {', '.join(_versions())}.")
    if job.parameters:
        asked = json.dumps(job.parameters, ensure_ascii=False, default=str)
        say(job.id, f"Parameters: {asked}")


def describe_voice(services: Services, job: Job, voice: Voice) -> None:
    """Say which engine speaks for a job, and with which voice."""
    engine = services.speech_engines().engine(voice.engine)
    services.jobs.describe(job.id, engine=engine.name, voice_id=voice.id)
    how = f"{engine.name} {engine.version}, voice {voice.id}"
    services.joblog.append(job.id, f"Spoken by {how}.")


def describe_recogniser(
    jobs: Jobs, joblog: JobLog | None, job: Job | None, recogniser: Recogniser
) -> None:
    """Say which recogniser reads the pages for a job."""
    if job is not None and joblog is not None:
        jobs.describe(job.id, engine=recogniser.name)
        joblog.append(job.id, f"Recognised by {recogniser.identity}.")


def tell_end(services: Services, job: Job) -> None:
    """Say how a job that has ended went, step by step; make its log findable."""
    now = services.jobs.find(job.id)
    if not now.state.is_final:
        return
    for step in services.job_history.steps(job.principal, job.id):
        made = step.done - step.found
        parts = f", {made:,} of {step.total:,} made" if step.total > 1 else ""
        services.joblog.append(job.id, f"{step.step}: {step.seconds:.1f} s{parts}.")
    services.joblog.append(job.id, f"Ended: {now.state.value}.")
    log = services.joblog.read(job.principal, job.id)
    services.job_history.add_words(job.id, log[:WORDS_CHARS])


def _versions() -> Iterator[str]:
    for name in NAMED:
        with suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"
    yield f"Python {platform.python_version()}"
    yield f"{sys.platform} on {machine()}"


class _ToJobLog(logging.Handler):
    """Hands records to a job's log."""

    def __init__(self, joblog: JobLog, job: Job) -> None:
        super().__init__(logging.INFO)
        self._joblog = joblog
        self._job = job
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is of the job's work."""
        return record.name.partition(".")[0] in TOLD

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record. A full disk keeps no work from being done."""
        with suppress(LecternError):
            self._joblog.append(self._job.id, self.format(record))
