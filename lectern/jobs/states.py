"""What a job is doing, for logic (``JobState``) and for people (``JobStep``)."""

from enum import StrEnum


class JobKind(StrEnum):
    """What a job is for. One Dagster run carries out one job."""

    PREPARE = "prepare"  # file to blocks
    LISTEN = "listen"  # voice the blocks ahead of a reader's cursor
    RENDER = "render"  # voice every block, then join them to one file
    EXPORT = "export"  # voice what was chosen, then write it as a file to take away
    VOICE = "voice"  # voice every block, for listening later


class JobState(StrEnum):
    """Where a job stands. Every accepted job ends in one of the last three."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether a job in this state never changes again."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class JobStep(StrEnum):
    """Which part of its work a job is at; the value is shown to people."""

    HELD = "Waiting for its turn"  # in a batch
    WAITING = "Waiting for a worker"
    READING = "Reading the file"
    RECOGNISING = "Recognising pages"
    SORTING = "Sorting pages"
    SPLITTING = "Splitting into blocks"
    SPEAKING = "Speaking"
    JOINING = "Joining the audio"
    MEASURING = "Measuring the loudness"
    WRITING = "Writing the file"
    FOLLOWING = "Following the reader"
    FINISHED = "Finished"


class DocumentState(StrEnum):
    """What can be done with a document now."""

    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"
