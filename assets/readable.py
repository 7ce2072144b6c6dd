"""What a step tells of its result, put so that it reads well in the Dagster UI."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from lectern.operations.retention import Plan

INTERNAL = ("made_from", "by_page")
"""What only the step itself needs, to see whether its work is done already."""
ITEMS_SHOWN = 50
DELETIONS_SHOWN = 200


def readable(about: Mapping[str, Any]) -> dict[str, dg.MetadataValue[Any]]:
    """Return a step's own account as Dagster metadata; durations in seconds."""
    shown: dict[str, dg.MetadataValue[Any]] = {}
    for name, value in about.items():
        if name in INTERNAL:
            continue
        if name.endswith("_ms"):
            seconds = f"{name.removesuffix('_ms')}_seconds"
            shown[seconds] = dg.MetadataValue.float(round(value / 1000, 3))
        elif isinstance(value, Mapping):
            shown[name] = dg.MetadataValue.json(dict(value))
        elif isinstance(value, list):
            shown[name] = _listed(value)
        elif isinstance(value, bool):
            shown[name] = dg.MetadataValue.bool(value)
        elif isinstance(value, int):
            shown[name] = dg.MetadataValue.int(value)
        else:
            shown[name] = dg.MetadataValue.text(str(value))
    return shown


def deletions_table(planned: Plan) -> dg.MetadataValue[Any]:
    """Return what would be deleted as a table: the first that would go."""
    records = [
        dg.TableRecord(
            {
                "kind": one.item.kind.value,
                "what": one.item.id,
                "whose": one.item.owner_id or "nobody's own",
                "bytes": one.item.size_bytes,
                "last used": f"{one.item.used_at:%Y-%m-%d}",
                "why": one.why.value,
            }
        )
        for one in planned.deletions[:DELETIONS_SHOWN]
    ]
    names = ("kind", "what", "whose", "bytes", "last used", "why")
    columns = [
        dg.TableColumn(name, "int" if name == "bytes" else "string") for name in names
    ]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))


def _listed(values: list[Any]) -> dg.MetadataValue[Any]:
    """Return a short list in words; findings by what they say."""
    words = [str(value[1] if isinstance(value, list) else value) for value in values]
    if not words:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.md("\n".join(f"- {word}" for word in words[:ITEMS_SHOWN]))
