"""How much free disk is left, and how much must stay free."""

import os
import shutil
import uuid
from pathlib import Path

from lectern.errors import DiskReserveReached
from lectern.units import size
from resources.stores.blobs import sync_folder, translated_os_errors


def free_bytes(folder: Path) -> int:
    """Return the bytes that can still be written below a folder."""
    return shutil.disk_usage(folder).free


def require_disk(folder: Path, *, reserve_bytes: int, wanted_bytes: int = 0) -> None:
    """Refuse work that would leave less than the reserve.

    Raises:
        DiskReserveReached: Too little would be left.
    """
    free = free_bytes(folder)
    if free - wanted_bytes >= reserve_bytes:
        return
    raise DiskReserveReached(
        f"Only {size(free)} of disk are free, and {size(reserve_bytes)} "
        "must stay free. Delete documents or free disk, then try again.",
        used=free,
        limit=reserve_bytes,
    )


def write_durably(path: Path, data: bytes) -> None:
    """Replace a whole file in one step that survives a crash."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with translated_os_errors():
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(path.parent)
