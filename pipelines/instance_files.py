"""The files Dagster reads: ``dagster.yaml`` and the workspace that is served.

Written anew at every start, so that they never disagree with the settings.
"""

import sys
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # Dagster brings it, without types

from lectern.errors import StoreError
from lectern.settings import Settings
from pipelines.cluster import URL_VARIABLE, is_cluster
from pipelines.dagster_storage import storage_settings
from pipelines.places import Places

MONITORING_POLL_SECONDS = 10
"""Dagster's own 120 s is too long to leave a job of a dead process standing. Most
deaths are reported by the pool at once; this finds the rest."""
CANCEL_TIMEOUT_SECONDS = 30
LAUNCH_TIMEOUT_SECONDS = 7 * 24 * 3600
"""A run that waits in its lane counts as starting, and may wait behind many books.
Whether it still waits is asked of the pool, never guessed from the time."""


def dagster_settings(settings: Settings, places: Places) -> dict[str, Any]:
    """Return the content of ``dagster.yaml``.

    ``run_retries`` stays off on purpose: a job whose process died is launched again
    by ``recovery``, which counts deaths and knows the job; two mechanisms would
    both start it.
    """
    return {
        **storage_settings(settings, places),
        "run_launcher": launcher_settings(settings, places),
        "run_coordinator": {
            "module": "dagster._core.run_coordinator",
            "class": "DefaultRunCoordinator",
        },
        "compute_logs": {
            "module": "pipelines.run_output",
            "class": "RunOutput",
            "config": {"base_dir": str(places.run_output)},
        },
        "run_monitoring": {
            "enabled": True,
            "poll_interval_seconds": MONITORING_POLL_SECONDS,
            "start_timeout_seconds": LAUNCH_TIMEOUT_SECONDS,
            "cancel_timeout_seconds": CANCEL_TIMEOUT_SECONDS,
            "max_resume_run_attempts": 0,
            "free_slots_after_run_end_seconds": 30,
        },
        "run_retries": {"enabled": False},
        # Every event of a run would else be repeated in the pool's log.
        "python_logs": {"python_log_level": "WARNING"},
        # A tick every few seconds is a row every few seconds.
        "retention": {
            "sensor": {
                "purge_after_days": {
                    "skipped": 1,
                    "success": 7,
                    "failure": 30,
                    "started": 7,
                }
            },
            "schedule": {"purge_after_days": 30},
        },
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "auto_materialize": {"enabled": False},
    }


def launcher_settings(settings: Settings, places: Places) -> dict[str, Any]:
    """Return the part of ``dagster.yaml`` that says who carries out runs."""
    if is_cluster(settings):
        return {
            "module": "pipelines.celery_launcher",
            "class": "QueueRunLauncher",
            "config": {"broker": {"env": URL_VARIABLE}},
        }
    return {
        "module": "pipelines.launcher",
        "class": "WarmRunLauncher",
        "config": {"socket_path": str(places.workers_socket)},
    }


def write_dagster_settings(settings: Settings, places: Places) -> None:
    """Write ``dagster.yaml`` into Dagster's folder."""
    _write(places.dagster_home / "dagster.yaml", dagster_settings(settings, places))


def python_locations(workspace: Path) -> list[dict[str, Any]]:
    """Return the Python code locations that a workspace file names."""
    content = yaml.safe_load(workspace.read_text())
    return [
        entry["python_module"]
        for entry in content.get("load_from", [])
        if "python_module" in entry
    ]


def write_served_workspace(places: Places, sockets: dict[str, Path]) -> None:
    """Write the workspace of running code servers, by location name."""
    servers = [
        {"grpc_server": {"socket": str(socket), "location_name": name}}
        for name, socket in sockets.items()
    ]
    _write(places.served_workspace, {"load_from": servers})


def find_workspace() -> Path:
    """Return the workspace file: the checkout's, or the one installed with us.

    Raises:
        StoreError: There is none.
    """
    beside = Path(__file__).resolve().parents[1] / "workspace.yaml"
    installed = Path(sys.prefix) / "share" / "lectern" / "workspace.yaml"
    for path in (beside, installed):
        if path.exists():
            return path
    raise StoreError(
        f"No workspace.yaml at {beside} or {installed}. Install Lectern again."
    )


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write YAML so that no reader ever sees half of it."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text("# Written by `lectern serve`.\n" + yaml.safe_dump(content))
    unfinished.replace(path)
