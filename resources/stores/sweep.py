"""The sweep: deletes what nothing can reach any more, and only that.

A blob is reachable while a document, an artifact, a voice or a variant names it; a
variant while a block links to it; a document or a voice until some days after it was
deleted. What is newer than the grace period stays, as its row may be about to be
written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, union

from lectern.ids import BlobHash, JobId, VariantKey
from resources.services import Services
from resources.stores import schema
from resources.stores.database import Database

GRACE = timedelta(hours=24)
DELETED_DOCUMENTS_KEPT = timedelta(days=30)
DELETED_VOICES_KEPT = timedelta(days=30)
UPLOADS_KEPT = timedelta(days=2)
PAGE_CACHE_KEPT = timedelta(days=180)
PUBLISHED_EVENTS_KEPT = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep deleted, or in a dry run would have."""

    documents: int
    uploads: int
    variants: int
    blobs: int
    blob_bytes: int
    job_logs: int


def sweep(
    services: Services, *, grace: timedelta = GRACE, dry_run: bool = False
) -> Swept:
    """Delete what is unreachable; with ``dry_run`` only count it.

    Safe at any time and beside any work; stopped half-way, the next one goes on. A
    dry run counts what is unreachable now: what a deleted document alone holds
    shows once that is gone.
    """
    documents = services.catalog.deleted_before(DELETED_DOCUMENTS_KEPT)
    uploads = {upload.id for upload in services.uploads.expired(UPLOADS_KEPT)}
    uploads |= set(services.uploads.orphans(UPLOADS_KEPT))
    if not dry_run:
        for document_id in documents:
            services.catalog.purge(document_id)
        for upload_id in uploads:
            services.uploads.drop(upload_id)
        _forget_old_rows(services, grace)
    variants = _sweep_variants(services, grace, dry_run=dry_run)
    blobs, blob_bytes = _sweep_blobs(services, grace, variants, dry_run=dry_run)
    return Swept(
        documents=len(documents),
        uploads=len(uploads),
        variants=len(variants),
        blobs=blobs,
        blob_bytes=blob_bytes,
        job_logs=_sweep_job_logs(services, dry_run=dry_run),
    )


def reachable_blobs(
    database: Database, *, without: Iterable[VariantKey] = ()
) -> set[BlobHash]:
    """Return every blob that a row names; ``without`` some variants' own."""
    variant, document, voice = schema.variant.c, schema.document.c, schema.voice.c
    excluded = set(without)
    query = union(
        select(document.blob),
        select(document.blocks_blob).where(document.blocks_blob.is_not(None)),
        select(schema.artifact.c.blob),
        select(voice.audio_blob).where(voice.audio_blob.is_not(None)),
        select(voice.tensor_blob).where(voice.tensor_blob.is_not(None)),
    )
    with database.read() as connection:
        named = {BlobHash(name) for name in connection.scalars(query)}
        for key, name in connection.execute(select(variant.key, variant.blob)):
            if key not in excluded:
                named.add(BlobHash(name))
    return named


def _forget_old_rows(services: Services, grace: timedelta) -> None:
    services.voices.purge(deleted_for=DELETED_VOICES_KEPT)
    services.page_cache.drop_old(PAGE_CACHE_KEPT)
    services.outbox.trim(PUBLISHED_EVENTS_KEPT)
    services.variants.drop_old_claims(grace)
    services.blobs.clear_aside(unused_seconds=grace.total_seconds())


def _sweep_variants(
    services: Services, grace: timedelta, *, dry_run: bool
) -> list[VariantKey]:
    keys = services.variants.unreachable(older_than=grace)
    if not dry_run:
        services.variants.delete_unreachable(keys)
    return keys


def _sweep_blobs(
    services: Services,
    grace: timedelta,
    variants: list[VariantKey],
    *,
    dry_run: bool,
) -> tuple[int, int]:
    # Listed before the rows are read: a blob that comes later is not looked at,
    # and one whose row comes later is protected by its age.
    names = list(services.blobs.all())
    reachable = reachable_blobs(services.database, without=variants if dry_run else ())
    unused_seconds = grace.total_seconds()
    count = size_bytes = 0
    for name in names:
        if name in reachable:
            continue
        blob_bytes = services.blobs.unused_bytes(name, unused_seconds=unused_seconds)
        if blob_bytes is None:
            continue
        if dry_run or services.blobs.delete(name, unused_seconds=unused_seconds):
            count, size_bytes = count + 1, size_bytes + blob_bytes
    return count, size_bytes


def _sweep_job_logs(services: Services, *, dry_run: bool) -> int:
    with services.database.read() as connection:
        known = {JobId(id_) for id_ in connection.scalars(select(schema.job.c.id))}
    orphans = [id_ for id_ in services.joblog.job_ids() if id_ not in known]
    if not dry_run:
        for job_id in orphans:
            services.joblog.delete(job_id)
    return len(orphans)
