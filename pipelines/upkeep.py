"""Keeping an installation tidy: migrations, the sweep, retired partitions, old runs."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
from sqlalchemy.engine import make_url

from lectern.errors import BlobCorrupt, InvalidRequest
from lectern.settings import Settings
from lectern.units import size
from pipelines.dagster_storage import make_storage
from pipelines.instance_files import write_dagster_settings
from pipelines.places import make_places
from resources.services import Services
from resources.stores.blob_copying import copy_blobs
from resources.stores.blob_opening import ON_S3, blobs_at
from resources.stores.database import Database, with_driver
from resources.stores.moving import move

PUT_OFF = (
    "Nothing was deleted: this machine's clock went back, or leapt by more than a day "
    "(or the machine was off). Lectern sweeps by itself once the clock has gone on "
    "steadily for an hour; “lectern sweep” does then, too."
)


def migrate(settings: Settings) -> str:
    """Bring the app database and Dagster's storage to this version."""
    Services.open(settings, upgrade=True).close()
    places = make_places(settings)
    write_dagster_settings(settings, places)
    make_storage(settings, places)
    with dg.DagsterInstance.from_config(str(places.dagster_home)) as instance:
        instance.upgrade()
    return "The databases are up to date."


def move_from(source: str, settings: Settings, say: Callable[[str], None]) -> str:
    """Copy the app database at an address into the configured one.

    Files stay where they are. Dagster's history of runs is not moved: jobs are ours.

    Raises:
        InvalidRequest: Both are the same, or the configured one holds rows already.
    """
    if with_driver(make_url(source)) == with_driver(make_url(settings.database)):
        raise InvalidRequest(
            "That is the configured database itself. Set LECTERN_DATABASE_URL to the "
            "one to move to."
        )
    before, after = Database(source), Database(settings.database)
    try:
        total = move(before, after, moved=lambda name, rows: say(f"{rows:>9,} {name}"))
    finally:
        before.close()
        after.close()
    return f"Moved {total:,} rows. The old database is unchanged: keep it for a while."


def copy_from(place: str, settings: Settings, say: Callable[[str], None]) -> str:
    """Copy every blob that lies elsewhere to where the settings keep them.

    Raises:
        InvalidRequest: That is the same place, or no folder.
        BlobCorrupt: Some are damaged; the others were copied.
    """
    here = settings.blobs_url or str(settings.root / "blobs")
    is_folder = not place.startswith(ON_S3)
    if place.rstrip("/") == here.rstrip("/") or (
        is_folder and not Path(place).expanduser().is_dir()
    ):
        raise InvalidRequest(
            f"{place} is no other place of stored files. Name the folder “blobs” of "
            "another data folder, or s3://bucket/prefix; set LECTERN_BLOBS_URL to "
            "where they are to be."
        )
    services = Services.open(settings)
    try:
        copied = copy_blobs(
            blobs_at(place, settings, services.database),
            services.blobs,
            told=lambda count, bytes_: say(f"{count:>9,} files, {size(bytes_)}"),
        )
    finally:
        services.close()
    if copied.damaged:
        examples = ", ".join(name[:12] for name in copied.damaged[:5])
        raise BlobCorrupt(
            f"Copied {copied.blobs:,} files, but not {len(copied.damaged)} that are "
            f"damaged ({examples}). Restore those from a backup; “lectern doctor” "
            "tells which of them are missed."
        )
    return (
        f"Copied {copied.blobs:,} files ({size(copied.size_bytes)}); "
        f"{copied.there_before:,} were there. The old ones are unchanged."
    )


def sweep(settings: Settings) -> str:
    """Delete what the rules ask for and what is unreachable; tell what it was."""
    from resources.retaining import keep_within_rules
    from resources.stores.sweep import sweep as sweep_stores

    services = Services.open(settings)
    retained, swept = keep_within_rules(services), sweep_stores(services)
    if retained is None or swept.is_put_off:
        return PUT_OFF
    by_rule = ", ".join(f"{n} {kind}" for kind, n in retained.deleted.items())
    return "\n".join(
        [
            f"By rule: {by_rule or 'nothing'} ({size(retained.deleted_bytes)}).",
            *(short.message for short in retained.cannot),
            f"Out of reach: {swept.words}.",
        ]
    )
