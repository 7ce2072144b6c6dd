"""The sweep: deletes what nothing can reach any more, and only that.

A blob is reachable while a document, an artifact, a voice or a variant names it; a
variant while a block links to it; a document or a voice until some days after it was
deleted. What is newer than the grace period stays, as its row may be about to be
written.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from sqlalchemy import select

from lectern.ids import BlobHash
from lectern.units import size
from resources.services import Services
from resources.stores import schema
from resources.stores.attempts import Attempts
from resources.stores.clock_watch import ClockWatch
from resources.stores.leaving import remove_leavers
from resources.stores.leftovers import clear_leftovers
from resources.stores.loose import Loose, LooseEnds
from resources.stores.person_links import PersonLinks
from resources.stores.portions import portions
from resources.stores.reachability import reachable_between
from resources.stores.sweep_record import LastSweep, SweepRecord

GRACE = timedelta(hours=24)
DELETED_VOICES_KEPT = timedelta(days=30)
UPLOADS_KEPT = timedelta(days=2)
PAGE_CACHE_KEPT = timedelta(days=180)
PUBLISHED_EVENTS_KEPT = timedelta(days=14)
BLOBS_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep deleted, or in a dry run would have."""

    documents: int
    uploads: int
    variants: int
    blobs: int
    blob_bytes: int
    job_logs: int
    loose: Loose = field(default_factory=Loose)
    leftovers: int = 0
    is_put_off: bool = False  # the clock leapt: nothing was deleted

    @property
    def words(self) -> str:
        """Return what was deleted, in words."""
        counts = {
            "documents": self.documents,
            "sounds": self.variants + self.loose.sounds,
            "files": self.blobs + self.loose.files,
            "uploads": self.uploads,
            "logs": self.job_logs,
            "leftovers": self.leftovers,
            "rows that led nowhere": self.loose.links + self.loose.parts,
        }
        listed = ", ".join(f"{n:,} {what}" for what, n in counts.items() if n)
        told = f"{listed or 'nothing'} ({size(self.blob_bytes)})"
        if not self.loose.lost:
            return told
        return (
            f"{told}; {self.loose.lost:,} stored files are lost, see “lectern doctor”"
        )


def sweep(
    services: Services, *, grace: timedelta = GRACE, dry_run: bool = False
) -> Swept:
    """Delete what is unreachable; with ``dry_run`` only count it.

    Safe at any time and beside any work; stopped half-way, the next one goes on.
    Nothing is deleted while the clock is doubted, as age is what decides. A
    dry run counts what is unreachable now: what a deleted document alone holds
    shows once that is gone.
    """
    watch = ClockWatch(services.preferences)
    if not dry_run:
        clock = watch.look(services.database.now())
        if not clock.is_steady:
            watch.put_off(clock)
            return Swept(0, 0, 0, 0, 0, 0, is_put_off=True)
        watch.swept(clock)
    kept = timedelta(days=services.settings.retention.trash_days)
    documents = services.catalog.deleted_before(kept)
    uploads = {upload.id for upload in services.uploads.expired(UPLOADS_KEPT)}
    uploads |= set(services.uploads.orphans(UPLOADS_KEPT))
    if not dry_run:
        documents = [
            document_id
            for document_id in documents
            if services.catalog.purge(document_id, deleted_for=kept)
        ]
        for upload_id in uploads:
            services.uploads.drop(upload_id)
        _forget_old_rows(services, grace)
    loose = Loose() if dry_run else _loose_ends(services).sweep(grace)
    variants = _sweep_variants(services, grace, dry_run=dry_run)
    blobs, blob_bytes = _sweep_blobs(services, grace, dry_run=dry_run)
    swept = Swept(
        documents=len(documents),
        uploads=len(uploads),
        variants=variants,
        blobs=blobs,
        blob_bytes=blob_bytes,
        job_logs=_sweep_job_logs(services, dry_run=dry_run),
        loose=loose,
        leftovers=0 if dry_run else clear_leftovers(services.settings.root, grace),
    )
    if not dry_run:
        note = LastSweep(at=services.database.now(), words=swept.words)
        SweepRecord(services.preferences).note(note)
    return swept


def _loose_ends(services: Services) -> LooseEnds:
    return LooseEnds(services.database, services.blobs, services.variants)


def _forget_old_rows(services: Services, grace: timedelta) -> None:
    remove_leavers(services)
    services.sessions.sweep()
    PersonLinks(services.database).sweep()
    Attempts(services.database).sweep()
    services.voices.purge(deleted_for=DELETED_VOICES_KEPT)
    services.page_cache.drop_old(PAGE_CACHE_KEPT)
    services.daily.drop_old()
    services.rates.drop_idle()
    services.outbox.trim(PUBLISHED_EVENTS_KEPT)
    kept = timedelta(days=services.settings.retention.job_days)
    services.job_history.forget(ended_before=services.database.now() - kept)
    services.variants.drop_old_claims(grace)
    services.blobs.clear_aside(unused_seconds=grace.total_seconds())


def _sweep_variants(services: Services, grace: timedelta, *, dry_run: bool) -> int:
    store = services.variants
    found = store.unreachable(older_than=grace)
    if dry_run:
        return sum(len(keys) for keys in found)
    return sum(store.delete_unreachable(keys) for keys in found)


def _sweep_blobs(
    services: Services, grace: timedelta, *, dry_run: bool
) -> tuple[int, int]:
    unused_seconds = grace.total_seconds()
    count = size_bytes = 0
    for name in _unreachable_blobs(services, grace, dry_run=dry_run):
        blob_bytes = services.blobs.unused_bytes(name, unused_seconds=unused_seconds)
        if blob_bytes is None:
            continue
        if dry_run or services.blobs.delete(name, unused_seconds=unused_seconds):
            count, size_bytes = count + 1, size_bytes + blob_bytes
    return count, size_bytes


def _unreachable_blobs(
    services: Services, grace: timedelta, *, dry_run: bool
) -> Iterator[BlobHash]:
    """Yield blobs that no row names; in a dry run as if variants were swept."""
    swept = services.variants.is_unreachable(grace) if dry_run else None
    names = services.blobs.all()
    # Listed before the rows are read: a blob that comes later is not looked at,
    # and one whose row comes later is protected by its age.
    while some := list(islice(names, BLOBS_AT_ONCE)):
        named = reachable_between(services.database, some[0], some[-1], without=swept)
        yield from (name for name in some if name not in named)


def _sweep_job_logs(services: Services, *, dry_run: bool) -> int:
    job, orphans = schema.job.c, 0
    for some in portions(services.joblog.job_ids()):
        with services.database.read() as connection:
            known = set(connection.scalars(select(job.id).where(job.id.in_(some))))
        gone = [job_id for job_id in some if job_id not in known]
        orphans += len(gone)
        for job_id in () if dry_run else gone:
            services.joblog.delete(job_id)
    return orphans
