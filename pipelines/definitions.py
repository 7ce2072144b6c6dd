"""The code location: every asset, check, job, sensor and schedule, put together.

Assembly only. ``build_definitions`` serves tests and the command line too, which
swap resources and never modules.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets import checks, documents, speech, upkeep, usage
from pipelines.jobs import JOBS
from pipelines.schedules import SCHEDULES
from pipelines.sensors import SENSORS
from resources.configured import ServicesResource


def build_definitions(
    *, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Return the whole pipeline, with some resources replaced where asked."""
    resources = {"services": ServicesResource()} | dict(resource_overrides or {})
    return dg.Definitions(
        assets=dg.load_assets_from_modules([documents, speech, upkeep, usage]),
        asset_checks=dg.load_asset_checks_from_modules([checks]),
        jobs=JOBS,
        sensors=SENSORS,
        schedules=SCHEDULES,
        resources=resources,
        executor=dg.in_process_executor,
    )


defs = build_definitions()
