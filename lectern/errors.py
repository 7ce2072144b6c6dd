"""Every foreseen failure, as one tree. Nothing else in Lectern raises on purpose.

    LecternError
    ├── InputError               the person can mend it
    │   ├── UnsupportedFormat        not a kind of file we read
    │   ├── LegacyFormat             an old kind; says how to convert it
    │   ├── PasswordProtected        needs a password we do not have
    │   ├── DamagedFile              right kind, unreadable content
    │   ├── DynamicForm              an XFA form whose text is made by a viewer
    │   ├── NothingToRead            opened, and holds no words
    │   ├── UnknownVoice             lists the nearest valid names
    │   ├── BadArchive               a voice archive that is not what it says
    │   ├── BadBackup                a backup that is damaged, or none
    │   ├── NameTaken                you have something of that name
    │   ├── BadPattern               a rule that RE2 refuses; says where
    │   ├── LeaseTaken               open for changes somewhere else
    │   ├── LeaseLost                somebody else has it open for changes now
    │   ├── NotFound                 no such thing, or not yours
    │   ├── SignedOut                asked by nobody who is signed in
    │   ├── InvalidRequest           a request that does not make sense
    │   ├── SignInRefused            a wrong password, or nobody of that address
    │   ├── LinkOver                 a link that was used, or is too old
    │   └── WeakPassword             too short, or one that everybody takes
    ├── LimitReached             a stated cap was met; carries used and limit
    │   ├── FileTooLarge
    │   ├── TooManyPages
    │   ├── TooManyPixels
    │   ├── InflatesTooMuch          an archive that unpacks past the cap
    │   ├── ClipTooLong              a recording longer than a voice needs
    │   ├── TooManyVoices
    │   ├── AllowanceUsedUp          nothing is left of a plan's allowance
    │   ├── TooManyDocuments
    │   ├── TooManyJobs              as much unfinished work as one person may have
    │   ├── StorageUsedUp            as many bytes as one person may keep
    │   ├── LimitForNow              opens again by itself; says when
    │   │   ├── DailyLimitReached        as much as one person may have in a day
    │   │   ├── TooManyAttempts          to sign in
    │   │   └── TooFast                  asked for more often than one may
    │   ├── TookTooLong              CPU, memory or time of a child process
    │   ├── CpuLimitReached          processor time of a job
    │   ├── MemoryLimitReached       memory of a job
    │   ├── TimeLimitReached         time on the clock of a job
    │   ├── WorkStalled              nothing came of a job for too long
    │   └── DiskReserveReached       too little free disk to accept work
    ├── EngineError              an engine misbehaved; often worth another try
    │   ├── EngineBusy               asks to be left alone for a while
    │   ├── EngineCrashed
    │   ├── EngineUnavailable
    │   ├── BadEngineReply
    │   └── TooManyFallbacks         too much was left undone by the engine asked for
    ├── WorkerLost               the process doing the work disappeared
    ├── Cancelled                somebody asked for it to stop
    ├── Paused                   its hours are over; goes on by itself
    ├── StoreError               our own storage failed
    │   ├── StoreUnreachable         on another machine, which does not answer
    │   ├── StoreRefused             there, and refuses: keys, bucket, rights
    │   ├── BlobMissing
    │   └── BlobCorrupt
    └── Unexpected               a fault of ours that nobody foresaw

Each class has a stable ``code`` (shown in logs, answers and docs), ``retryable``
(whether the same work may succeed unchanged) and ``http_status``. The message
says what happened and what to do, and is shown to people unchanged.
"""

from typing import ClassVar


class LecternError(Exception):
    """Base of every error Lectern raises on purpose."""

    code: ClassVar[str] = "lectern"
    retryable: ClassVar[bool] = False
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InputError(LecternError):
    """What was given cannot be used; the person can mend it."""

    code = "input"
    http_status = 422
    exit_code = 2


class UnsupportedFormat(InputError):
    """The bytes are not of a kind Lectern reads."""

    code = "unsupported_format"
    http_status = 415


class LegacyFormat(InputError):
    """An old binary kind that has to be converted first."""

    code = "legacy_format"
    http_status = 415


class PasswordProtected(InputError):
    """The file opens only with a password."""

    code = "password_protected"


class DamagedFile(InputError):
    """The right kind of file, but its content cannot be read."""

    code = "damaged_file"


class DynamicForm(InputError):
    """An XFA form whose text exists only inside a form viewer."""

    code = "dynamic_form"


class NothingToRead(InputError):
    """The file opened, and holds no words."""

    code = "nothing_to_read"


class UnknownVoice(InputError):
    """No voice of that name."""

    code = "unknown_voice"


class BadArchive(InputError):
    """A voice archive that is damaged, or is not what it says."""

    code = "bad_archive"


class BadBackup(InputError):
    """A backup that is damaged, of another version, or none at all."""

    code = "bad_backup"


class NameTaken(InputError):
    """This person has something of that name already."""

    code = "name_taken"
    http_status = 409


class BadPattern(InputError):
    """A rule's pattern or replacement that cannot be used; ``at`` is the place."""

    code = "bad_pattern"

    def __init__(self, message: str, *, at: int = 0) -> None:
        super().__init__(message)
        self.at = at  # from 0, in the pattern or in the replacement


class LeaseTaken(InputError):
    """Another editor has the document open for changes."""

    code = "lease_taken"
    http_status = 409


class LeaseLost(InputError):
    """The right to change a document went to another editor, or ran out."""

    code = "lease_lost"
    http_status = 409


class NotFound(InputError):
    """No such thing, or it belongs to somebody else."""

    code = "not_found"
    http_status = 404


class SignedOut(InputError):
    """Only people who are signed in may ask for this."""

    code = "signed_out"
    http_status = 401


class SignInRefused(InputError):
    """Nobody can sign in like this; it does not say what was wrong."""

    code = "sign_in_refused"
    http_status = 401


class LinkOver(InputError):
    """A link that can be opened once was opened, or is too old."""

    code = "link_over"
    http_status = 410


class WeakPassword(InputError):
    """A password that is too short, or that others would try first."""

    code = "weak_password"


class InvalidRequest(InputError):
    """A request that does not make sense as it stands."""

    code = "invalid_request"
    http_status = 400


class LimitReached(LecternError):
    """A stated cap was met."""

    code = "limit"
    http_status = 413
    exit_code = 3

    def __init__(
        self, message: str, *, used: float | None = None, limit: float | None = None
    ) -> None:
        super().__init__(message)
        self.used = used
        self.limit = limit


class FileTooLarge(LimitReached):
    """More bytes than one upload may have."""

    code = "file_too_large"


class TooManyPages(LimitReached):
    """More pages than one document may have."""

    code = "too_many_pages"


class TooManyPixels(LimitReached):
    """An image larger than may be decoded."""

    code = "too_many_pixels"


class InflatesTooMuch(LimitReached):
    """An archive that unpacks to more than may be unpacked."""

    code = "inflates_too_much"


class ClipTooLong(LimitReached):
    """A recording that is longer than a voice needs."""

    code = "clip_too_long"


class TooManyVoices(LimitReached):
    """As many custom voices as one person may have."""

    code = "too_many_voices"
    http_status = 409


class AllowanceUsedUp(LimitReached):
    """Too little is left of what a person's plan allows."""

    code = "allowance_used_up"
    http_status = 402


class TooManyDocuments(LimitReached):
    """As many documents as one person may have."""

    code = "too_many_documents"


class TooManyJobs(LimitReached):
    """As much unfinished work as one person may have."""

    code = "too_many_jobs"
    http_status = 429


class StorageUsedUp(LimitReached):
    """As many bytes as one person may keep."""

    code = "storage_used_up"


class LimitForNow(LimitReached):
    """A cap that opens again by itself."""

    code = "limit_for_now"
    http_status = 429

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float,
        used: float | None = None,
        limit: float | None = None,
    ) -> None:
        super().__init__(message, used=used, limit=limit)
        self.retry_after_seconds = retry_after_seconds


class DailyLimitReached(LimitForNow):
    """As much as one person may have in a day."""

    code = "daily_limit"


class TooFast(LimitForNow):
    """Asked for more often than one may."""

    code = "too_fast"


class TooManyAttempts(LimitForNow):
    """Somebody tried to sign in too often for now."""

    code = "too_many_attempts"


class TookTooLong(LimitReached):
    """A child process met its CPU, memory or time limit."""

    code = "took_too_long"
    http_status = 422


class CpuLimitReached(LimitReached):
    """A job took as much processor time as one may."""

    code = "cpu_limit"
    http_status = 422


class MemoryLimitReached(LimitReached):
    """A job filled more memory than one may."""

    code = "memory_limit"
    http_status = 422


class TimeLimitReached(LimitReached):
    """A job took as long as one may."""

    code = "time_limit"
    http_status = 422


class WorkStalled(LimitReached):
    """Nothing came of a job for as long as is waited."""

    code = "stalled"
    http_status = 422


class DiskReserveReached(LimitReached):
    """Too little free disk is left to accept new work."""

    code = "disk_reserve"
    http_status = 507


class EngineError(LecternError):
    """An engine misbehaved."""

    code = "engine"
    retryable = True
    http_status = 502
    exit_code = 4


class EngineBusy(EngineError):
    """The engine has too much to do, and says when to ask again."""

    code = "engine_busy"
    http_status = 503

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class EngineCrashed(EngineError):
    """The engine's process, or the connection to it, ended unexpectedly."""

    code = "engine_crashed"


class EngineUnavailable(EngineError):
    """The engine, or data it needs, is not installed or does not answer."""

    code = "engine_unavailable"
    retryable = False


class NotServed(EngineUnavailable):
    """The engine's server knows no such model, or no such endpoint."""

    code = "not_served"


class BadEngineReply(EngineError):
    """The engine answered with something that cannot be right."""

    code = "bad_engine_reply"


class TooManyFallbacks(EngineError):
    """The engine asked for left more pages undone than may be read another way."""

    code = "too_many_fallbacks"
    retryable = False


class PageUnreachable(LecternError):
    """A page of the web could not be fetched."""

    code = "page_unreachable"
    retryable = True
    http_status = 502
    exit_code = 4


class SignInUnavailable(LecternError):
    """Who signs people in elsewhere cannot be asked now."""

    code = "sign_in_unavailable"
    retryable = True
    http_status = 502
    exit_code = 4


class WorkerLost(LecternError):
    """The process doing the work disappeared."""

    code = "worker_lost"
    retryable = True
    exit_code = 5


class Cancelled(LecternError):
    """Somebody asked for the work to stop."""

    code = "cancelled"
    http_status = 409
    exit_code = 130


class Paused(LecternError):
    """Off-peak hours are over; what is left is done in the next ones."""

    code = "paused"
    http_status = 409
    exit_code = 130


class StoreError(LecternError):
    """Our own storage failed."""

    code = "store"
    retryable = True
    exit_code = 6


class StoreUnreachable(StoreError):
    """A store on another machine does not answer."""

    code = "store_unreachable"
    http_status = 503


class StoreRefused(StoreError):
    """A store on another machine answers, and does not do what is asked."""

    code = "store_refused"
    retryable = False


class BlobMissing(StoreError):
    """A blob that a row names is not stored."""

    code = "blob_missing"
    retryable = False


class BlobCorrupt(StoreError):
    """A blob whose bytes no longer have the hash it is named by."""

    code = "blob_corrupt"
    retryable = False


class Unexpected(LecternError):
    """A fault in Lectern that nobody foresaw; the job's log says where."""

    code = "unexpected"
    exit_code = 70


WORTH_ASKING_AGAIN: tuple[type[LecternError], ...] = (
    Cancelled,  # by a person, who may think again
    Unexpected,  # nobody knows; one more try is cheap
    DiskReserveReached,  # until disk is freed,
    CpuLimitReached,  # it goes on from what was made,
    MemoryLimitReached,
    TimeLimitReached,
    WorkStalled,  # by what hung once
    AllowanceUsedUp,  # until the next month, or a grant,
    LimitForNow,  # until the day, or the rush, is over,
    TooManyJobs,  # until some of them are done,
    StorageUsedUp,  # until something is deleted,
    EngineUnavailable,  # or what is missing is installed
    TooManyFallbacks,  # pages that were read are not sent again
)
"""Not tried again by themselves, but a person may ask for it."""


def class_of(code: str) -> type[LecternError] | None:
    """Return the class of errors with this code."""
    waiting: list[type[LecternError]] = [LecternError]
    while waiting:
        found = waiting.pop()
        if found.code == code:
            return found
        waiting += found.__subclasses__()
    return None


def may_succeed_again(code: str | None) -> bool:
    """Whether a person should be offered another try after an error of this code."""
    found = class_of(code) if code else None
    if found is None:  # written by another version of Lectern
        return True
    return found.retryable or issubclass(found, WORTH_ASKING_AGAIN)
