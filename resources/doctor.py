"""The doctor: is everything here that is needed, and is all that is stored sound?

It changes nothing. ``mend`` beside it puts right what can be made again.
"""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import func, select, text

from lectern.accounts.guarding import require_guard
from lectern.accounts.people import Role
from lectern.errors import (
    InvalidRequest,
    LecternError,
    StoreError,
    StoreRefused,
    StoreUnreachable,
)
from lectern.ids import BlobHash
from lectern.settings import Settings
from resources.environments import in_use, python_of, why_not
from resources.services import Services
from resources.stores import schema, schema_accounts
from resources.stores.backup_record import BackupRecord
from resources.stores.disk import free_bytes
from resources.stores.ledger_checks import mismatches
from resources.stores.reachability import reachable_blobs

SILENT_JOB = timedelta(minutes=2)
WAITING_JOB = timedelta(minutes=10)
OUTBOX_LAG = timedelta(hours=1)
BACKUP_AGE = timedelta(hours=50)
"""Of a nightly one that failed once; the alert waits for as long."""

BLOBS_AT_ONCE = 1000
"""Blobs that are looked at together."""

SETUP = "Run “make setup” again."


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    message: str  # what was found
    remedy: str = ""  # what to do about it, when something is wrong
    required: bool = True  # whether Lectern cannot do its work without it


def diagnose(settings: Settings, *, deep: bool = False) -> list[Check]:
    """Look at everything; ``deep`` also hashes every blob again."""
    return [*diagnose_stores(settings, deep=deep), *_engines(settings)]


def diagnose_stores(settings: Settings, *, deep: bool = False) -> list[Check]:
    """Look at everything that is stored, and at no engine."""
    try:
        services = Services.open(settings)
    except (LecternError, OSError) as error:
        return [Check("database", ok=False, message=str(error))]
    try:
        return list(_stores(services, deep=deep))
    finally:
        services.close()


def mend(services: Services, *, deep: bool = False) -> int:
    """Forget audio whose bytes are missing or damaged; it is made again when asked.

    Returns how many variants were dropped. Only audio is touched: everything else
    that is stored cannot be made again without a person.
    """
    mended = 0
    variants = services.variants.all_blobs()
    while some := list(islice(variants, BLOBS_AT_ONCE)):
        names = [name for _, name in some]
        missing, damaged = _faulty(services, names, deep=deep)
        for key, name in some:
            if name in missing or name in damaged:
                services.variants.forget(key, name)
                services.blobs.delete(name)
                mended += 1
    return mended


def _faulty(
    services: Services, names: list[BlobHash], *, deep: bool
) -> tuple[set[BlobHash], set[BlobHash]]:
    """Return which blobs are missing, and with ``deep`` which are damaged."""
    missing = set(services.blobs.missing(names))
    looked_at = [name for name in names if name not in missing] if deep else []
    return missing, {n for n in looked_at if not services.blobs.is_sound(n)}


def _stores(services: Services, *, deep: bool) -> Iterator[Check]:
    yield Check("database", ok=True, message=f"Schema {schema.SCHEMA_HEAD}, current.")
    yield from (
        _guarded(name, look, services)
        for name, look in {
            "accounts": _accounts,
            "integrity": _integrity,
            "orphans": _orphans,
            "jobs": _jobs,
            "ledger": _ledger,
            "backup": _backup,
            "events": _events,
            "statistics": _statistics,
            "disk": _disk,
        }.items()
    )
    yield _guarded("blobs", lambda s: _blobs(s, deep=deep), services)


def _guarded(name: str, look: Callable[[Services], Check], services: Services) -> Check:
    try:
        return look(services)
    except (StoreUnreachable, StoreRefused) as error:  # the message says what to do
        return Check(name, ok=False, message=error.message)
    except StoreError as error:
        return Check(
            name, ok=False, message=error.message, remedy="Restore from a backup."
        )


def _accounts(services: Services) -> Check:
    """Look whether those who should can come in, and nobody else."""
    name, settings = "accounts", services.settings
    try:
        require_guard(settings)
    except InvalidRequest as error:
        return Check(name, ok=False, message=error.message, remedy="See above.")
    if settings.accounts.is_single:
        return Check(name, ok=True, message="One person, no sign-in.")
    person = schema_accounts.person.c
    by_role = select(person.role, func.count()).group_by(person.role)
    is_fit = person.disabled_at.is_(None) & person.password_hash.is_not(None)
    fit = select(func.count()).where(person.role == Role.OPERATOR, is_fit)
    with services.database.read() as connection:
        rows = connection.execute(by_role).all()
        operators = connection.execute(fit).scalar_one()
    counts = {str(role): count for role, count in rows}
    people = ", ".join(f"{counts.get(role, 0)} {role}s" for role in Role)
    return Check(
        name,
        ok=operators > 0,
        message=f"Everybody signs in: {people}; {operators} operators can.",
        remedy="Add one: lectern people add EMAIL --operator",
        required=False,
    )


def _integrity(services: Services) -> Check:
    name = "integrity"
    if not services.database.is_sqlite:
        return Check(name, ok=True, message="Left to the database server.")
    with services.database.read() as connection:
        found = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
    if found == "ok" and not broken:
        return Check(name, ok=True, message="The database file is sound.")
    message = f"The database file is damaged: {found}; {len(broken)} loose rows."
    return Check(name, ok=False, message=message, remedy="Restore a backup.")


def _blobs(services: Services, *, deep: bool) -> Check:
    count = 0
    missing: list[BlobHash] = []
    damaged: list[BlobHash] = []
    names = reachable_blobs(services.database)
    while some := list(islice(names, BLOBS_AT_ONCE)):
        count += len(some)
        lost, broken = _faulty(services, some, deep=deep)
        missing += sorted(lost)
        damaged += sorted(broken)
    if not missing and not damaged:
        how = "present and sound" if deep else "present"
        if services.settings.blobs_url:
            how += f" at {services.settings.blobs_url}"
        return Check("blobs", ok=True, message=f"All {count} are {how}.")
    examples = ", ".join(name[:12] for name in [*missing, *damaged][:5])
    return Check(
        "blobs",
        ok=False,
        message=f"{len(missing)} missing, {len(damaged)} damaged ({examples}).",
        remedy="Audio is made again by “lectern doctor --mend”; restore the rest.",
    )


def _orphans(services: Services) -> Check:
    link, variant = schema.block_audio.c, schema.variant.c
    loose = (
        select(func.count())
        .select_from(schema.block_audio)
        .where(~select(variant.key).where(variant.key == link.key).exists())
    )
    with services.database.read() as connection:
        count = int(connection.execute(loose).scalar_one())
        rows = {
            table.name: connection.execute(
                select(func.count()).select_from(table)
            ).scalar_one()
            for table in (schema.document, schema.variant, schema.job)
        }
    if count == 0:
        have = ", ".join(f"{n} {name}s" for name, n in rows.items())
        return Check("orphans", ok=True, message=f"None among {have}.")
    return Check(
        "orphans",
        ok=False,
        message=f"{count} blocks point at audio that is not known any more.",
        remedy="Nothing to do: it is made again when somebody listens.",
        required=False,
    )


def _jobs(services: Services) -> Check:
    now = services.database.now()
    silent = services.jobs.stale(SILENT_JOB)
    waiting = [
        job
        for job in services.jobs.unfinished()
        if job.started_at is None and now - job.created_at > WAITING_JOB
    ]
    if not silent and not waiting:
        return Check("jobs", ok=True, message="None is stuck.")
    return Check(
        "jobs",
        ok=False,
        message=f"{len(silent)} gave no sign of life, {len(waiting)} wait for long.",
        remedy="Start “lectern serve”: it takes lost work up again.",
    )


def _ledger(services: Services) -> Check:
    wrong = mismatches(services.database)
    if not wrong:
        return Check("ledger", ok=True, message="Every balance is its entries' sum.")
    first = wrong[0]
    message = f"{len(wrong)} numbers do not add up, the first a {first.what} in "
    message += f"{first.unit}: {first.found} instead of {first.expected}."
    remedy = "Entries are never changed: restore a backup, or correct it by an entry."
    return Check("ledger", ok=False, message=message, remedy=remedy)


def _backup(services: Services) -> Check:
    last = BackupRecord(services.preferences).last()
    remedy = "Run “lectern backup DEST” every night (docs/upkeep.md)."
    if last is None:
        message = "None was ever taken."
        return Check("backup", ok=False, message=message, remedy=remedy, required=False)
    age = services.database.now() - last.made_at
    return Check(
        "backup",
        ok=age <= BACKUP_AGE,
        message=f"The last good one is {_minutes(age)} old.",
        remedy=remedy,
        required=False,
    )


def _events(services: Services) -> Check:
    oldest = services.outbox.oldest_pending_at()
    count = services.outbox.pending_count()
    lag = services.database.now() - oldest if oldest else timedelta()
    return Check(
        "events",
        ok=lag <= OUTBOX_LAG,
        message=f"{count} wait to be counted, the oldest for {_minutes(lag)}.",
        remedy="Look at the job “update_statistics” in Dagster.",
        required=False,
    )


def _statistics(services: Services) -> Check:
    published = services.statistics().published()
    if published is None:
        message = "None published yet."
        return Check("statistics", ok=True, message=message, required=False)
    services.statistics().check()
    age = datetime.now(UTC) - datetime.fromisoformat(published.built_at)
    message = f"{published.events} events, built {_minutes(age)} ago."
    return Check("statistics", ok=True, message=message)


def _disk(services: Services) -> Check:
    free = free_bytes(services.settings.root)
    reserve = services.settings.disk_reserve_bytes
    return Check(
        "disk",
        ok=free >= reserve,
        message=f"{free / 2**30:.1f} GiB free, {reserve / 2**30:.1f} GiB must stay so.",
        remedy="Delete documents and run “lectern sweep”, or free disk.",
    )


def _engines(settings: Settings) -> Iterator[Check]:
    yield _espeak()
    if settings.kokoro.model:
        yield _kokoro(settings)
    yield from _environments(settings)
    yield _tesseract(settings)
    yield _module("rapidocr", "reads pictures where Tesseract cannot")
    yield _module("pi_heif", "reads HEIC photos")
    yield _pandoc()
    path = next(
        (p for n in ("chromium", "google-chrome") if (p := shutil.which(n))), None
    )
    yield Check(
        "chromium",
        ok=path is not None,
        message=path or "Not found; only the browser tests need it.",
        remedy="Debian: apt-get install chromium",
        required=False,
    )


def _espeak() -> Check:
    from resources.engines.espeak import EspeakEngine

    try:
        engine = EspeakEngine()
        message = f"{engine.name} {engine.version}, {len(engine.voices())} voices."
    except LecternError as error:
        return Check("speech", ok=False, message=error.message, remedy=SETUP)
    engine.close()
    return Check("speech", ok=True, message=message)


def _kokoro(settings: Settings) -> Check:
    from resources.engines.kokoro import KokoroEngine

    try:
        engine = KokoroEngine(settings)
    except LecternError as error:
        # The message says what to do.
        return Check("kokoro", ok=False, message=error.message, required=False)
    message = f"{engine.name} {engine.version}, {len(engine.voices())} voices."
    return Check("kokoro", ok=True, message=message, required=False)


def _environments(settings: Settings) -> Iterator[Check]:
    """Tell where engines of other environments are run; light takes what is not."""
    for name in in_use(settings):
        reason = why_not(settings, name)
        found = f"Not installed: {reason}. Lectern's own does its work."
        if not reason:
            found = f"Its runs are carried out by {python_of(settings, name)}."
        yield Check(f"environment {name}", ok=True, message=found, required=False)


def _tesseract(settings: Settings) -> Check:
    from resources.engines.recognition.tesseract import (
        data_from_environment,
        find_data,
        languages,
    )

    places = (settings.tessdata_dir, data_from_environment())
    folder = find_data(*(Path(place).expanduser() for place in places if place))
    if folder is None:
        return Check(
            "tesseract",
            ok=False,
            message="No language data; RapidOCR reads scans instead, less well.",
            remedy="Debian: apt-get install tesseract-ocr-eng",
            required=False,
        )
    installed = " ".join(languages(folder))
    return Check("tesseract", ok=True, message=f"{installed} in {folder}.")


def _pandoc() -> Check:
    import pypandoc

    try:
        path = pypandoc.get_pandoc_path()
    except OSError as error:
        return Check("pandoc", ok=False, message=f"{error}", remedy=SETUP)
    return Check("pandoc", ok=True, message=str(path))


def _module(name: str, purpose: str) -> Check:
    found = importlib.util.find_spec(name) is not None
    message = f"Installed; {purpose}." if found else f"Missing; it {purpose}."
    return Check(name, ok=found, message=message, remedy=SETUP)


def _minutes(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
