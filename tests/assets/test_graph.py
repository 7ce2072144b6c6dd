"""The asset graph as operators see it."""

import dagster as dg

from assets.failures import STEP_RETRIES, to_failure
from lectern.errors import DamagedFile, EngineCrashed
from pipelines.definitions import build_definitions

GRAPH = {
    # key: group, kinds, made from, checks
    "original_file": ("documents", {"file"}, set(), set()),
    "recognised_pages": ("documents", {"ocr"}, {"original_file"}, set()),
    "sorted_pages": (
        "documents",
        {"json"},
        {"recognised_pages"},
        {"pages_complete"},
    ),
    "blocks": ("documents", {"parquet"}, {"sorted_pages"}, {"blocks_readable"}),
    "block_audio": ("speech", {"audio"}, {"blocks"}, set()),
    "exported_file": ("speech", {"file"}, {"block_audio"}, set()),
    "document_audio": ("speech", {"audio"}, {"block_audio"}, {"audio_covers_blocks"}),
    "usage_events": (
        "usage",
        {"parquet"},
        set(),
        {"ledger_balances", "ledger_matches_events"},
    ),
    "lifetime_statistics": (
        "usage",
        {"duckdb"},
        {"usage_events"},
        {"statistics_match_outbox"},
    ),
    "merge_statistics": ("usage", {"duckdb"}, {"lifetime_statistics"}, set()),
    "retention_plan": ("upkeep", {"table"}, set(), set()),
}

JOBS = {
    "prepare_document": {"original_file", "recognised_pages", "sorted_pages", "blocks"},
    "listen_to_document": {"block_audio"},
    "render_document": {"block_audio", "document_audio"},
    "plan_retention": {"retention_plan"},
    "update_statistics": {"usage_events", "lifetime_statistics", "merge_statistics"},
}


def repository() -> dg.RepositoryDefinition:
    return build_definitions().get_repository_def()


def test_the_graph_is_as_drawn() -> None:
    graph = repository().asset_graph
    drawn = {
        key.to_user_string(): (
            node.group_name,
            set(node.kinds),
            {parent.to_user_string() for parent in node.parent_keys},
            {check.name for check in node.check_keys},
        )
        for key in graph.get_all_asset_keys()
        if (node := graph.get(key))
    }

    assert drawn == GRAPH


def test_every_asset_and_job_says_what_it_is() -> None:
    found = repository()
    texts = [
        found.asset_graph.get(key).description
        for key in found.asset_graph.materializable_asset_keys
    ]
    texts += [found.get_job(name).description for name in JOBS]

    assert all(texts)


def test_no_asset_is_repeated_but_for_what_may_pass() -> None:
    for retryable, error in ((True, EngineCrashed("a")), (False, DamagedFile("b"))):
        assert to_failure(error).allow_retries is retryable
    policies = {
        definition.op.retry_policy
        for definition in repository().assets_defs_by_key.values()
        if isinstance(definition, dg.AssetsDefinition) and definition.is_executable
    }
    assert policies <= {STEP_RETRIES, None}
    assert STEP_RETRIES.max_retries == 2


def test_a_job_makes_its_assets_and_no_others() -> None:
    found = repository()
    made = {
        name: {
            key.to_user_string()
            for key in found.get_job(name).asset_layer.executable_asset_keys
        }
        for name in JOBS
    }

    assert made == JOBS


def test_listening_runs_go_to_a_lane_of_their_own() -> None:
    found = repository()
    lanes = {name: found.get_job(name).run_tags.get("lectern/lane") for name in JOBS}

    assert lanes.pop("listen_to_document") == "listeners"
    assert lanes.pop("update_statistics") == "upkeep"
    assert lanes.pop("plan_retention") == "upkeep"
    assert set(lanes.values()) == {"workers"}


def test_every_run_names_its_accelerator() -> None:
    found = repository()

    assert all(
        found.get_job(name).run_tags["lectern/accelerator"] == "cpu" for name in JOBS
    )


def test_sensors_and_schedules_run_from_the_first_start() -> None:
    found = repository()

    assert {
        sensor.name: sensor.default_status.value for sensor in found.sensor_defs
    } == {
        "waiting_jobs": "RUNNING",
        "new_usage": "RUNNING",
        "watch": "RUNNING",
        "clock_watch": "RUNNING",
    }
    assert {one.name: one.default_status.value for one in found.schedule_defs} == {
        "plan_retention_schedule": "RUNNING",
        "sweep_stores_schedule": "RUNNING",
    }
