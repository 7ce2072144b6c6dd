"""What a run may take: counted from outside, said in its job, and then killed."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from lectern.accounts.people import LOCAL
from lectern.jobs.caps import Taken
from lectern.jobs.runs import CLOSED, JOB
from lectern.jobs.states import JobKind, JobState
from lectern.settings import Settings
from pipelines.capping import Capping, family_taken
from pipelines.delivered_runs import Watch
from resources.services import Services
from tests.support.stores import add_document

MIB = 1024**2


@dg.job
def nothing() -> None:
    """Do nothing."""


def test_what_a_process_started_counts_as_its_own() -> None:
    alone = family_taken(os.getpid())
    eating = "import sys; a = b'x' * (80 << 20); print(len(a)); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", eating], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        together = family_taken(os.getpid())
        child.communicate()

    assert together.memory_bytes - alone.memory_bytes > 60 * MIB
    assert family_taken(child.pid) == Taken(0.0, 0)


def test_only_the_work_of_jobs_is_capped_each_kind_by_its_own_caps() -> None:
    caps = {"render": {"memory_bytes": 64 * MIB}}
    capping = Capping(Settings(_env_file=None, job_limits=caps))
    me = os.getpid()

    assert capping.excess(me, "") is None
    assert capping.excess(me, "prepare") is None
    found = capping.excess(me, "render")
    assert found is not None
    assert (found.code, found.limit) == ("memory_limit", 64 * MIB)
    assert "LECTERN_JOB_LIMITS__RENDER__MEMORY_BYTES" in found.message


def test_a_worker_fails_a_run_that_takes_too_much_and_counts_only_that_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTERN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LECTERN_JOB_LIMITS__RENDER__CPU_SECONDS", "0.5")
    services = Services.open(Settings())
    document = add_document(services)
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.RENDER)
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(
            nothing, tags={JOB: job.id}, status=dg.DagsterRunStatus.STARTED
        )
        services.jobs.start(job.id, run.run_id)
        deliveries = SimpleNamespace(instance=lambda: instance)
        watch = Watch(deliveries, run.run_id, "render")  # type: ignore[arg-type]
        killed: list[str] = []
        monkeypatch.setattr(watch, "end", killed.append)
        watch.before = Taken(watch.before.cpu_seconds + 10**6, 0)
        watch.look_at_means()  # what runs before took is not this one's
        assert killed == []

        watch.before = Taken(-1.0, 0)
        watch.look_at_means()

        assert len(killed) == 1
        after = instance.get_run_by_id(run.run_id)
        assert after is not None
        assert after.status is dg.DagsterRunStatus.FAILURE
        assert after.tags[CLOSED] == "failed"
    failed = services.jobs.find(job.id)
    assert (failed.state, failed.error_code) == (JobState.FAILED, "cpu_limit")
    services.close()
