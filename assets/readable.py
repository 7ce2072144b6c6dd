"""What a step tells of its result, put so that it reads well in the Dagster UI."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

INTERNAL = ("made_from", "by_page")
"""What only the step itself needs, to see whether its work is done already."""
ITEMS_SHOWN = 50


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


def _listed(values: list[Any]) -> dg.MetadataValue[Any]:
    """Return a short list in words; findings by what they say."""
    words = [str(value[1] if isinstance(value, list) else value) for value in values]
    if not words:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.md("\n".join(f"- {word}" for word in words[:ITEMS_SHOWN]))
