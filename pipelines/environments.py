"""The code locations of the environments beside the light one, one attribute each.

A location offers the jobs that an engine of its environment may carry out, under the
same names; its assets carry the environment's name first (``kokoro/block_audio``),
as Dagster wants every key in one location. Nothing heavy is imported here: engines
are imported by the runs that need them.

Another environment is one entry in ``lectern/environments.py``, one attribute here,
one extra in ``pyproject.toml`` and one location in ``workspace.yaml``.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import dagster as dg

from assets import checks, documents, speech
from lectern.environments import API, KOKORO, Environment
from lectern.jobs.states import JobKind
from pipelines.jobs import document_job
from resources.configured import ServicesResource


def build_location(
    environment: Environment, *, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Return what the code location of an environment offers."""
    modules = [documents] if JobKind.PREPARE in environment.kinds else []
    modules.append(speech)
    assets = list(_assets_of(modules))
    offered = {key for one in assets for key in one.keys}
    checked = [
        check
        for check in dg.load_asset_checks_from_modules([checks])
        if {key.asset_key for key in check.check_keys} <= offered
    ]
    named = {key: key.with_prefix(environment.name) for key in offered}
    return dg.Definitions(
        assets=[one.with_attributes(asset_key_replacements=named) for one in assets],
        asset_checks=_renamed(checked, named),
        jobs=[document_job(kind, environment.name) for kind in environment.kinds],
        resources={"services": ServicesResource()} | dict(resource_overrides or {}),
        executor=dg.in_process_executor,
    )


def _assets_of(modules: Iterable[ModuleType]) -> Iterable[dg.AssetsDefinition]:
    """Yield the assets that modules declare, without those they import."""
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, dg.AssetsDefinition):
                groups = set(value.group_names_by_key.values())
                if groups == {module.GROUP}:
                    yield value


def _renamed(
    checked: Sequence[dg.AssetChecksDefinition],
    named: dict[dg.AssetKey, dg.AssetKey],
) -> list[dg.AssetChecksDefinition]:
    return [
        one.with_attributes(asset_key_replacements=named)  # type: ignore[misc]
        for one in checked
    ]


kokoro = build_location(KOKORO)
api = build_location(API)
LOCATIONS = {"kokoro": kokoro, "api": api}
