"""Dagster as the web app sees it: launch, stop and repeat runs over GraphQL.

Plain HTTP to the webserver; Dagster itself is not imported. A job's row in the app
database is the truth: when Dagster is away, the job waits there, and the pipeline's
own reconciler launches it later.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from lectern.environments import LIGHT, location_of
from lectern.errors import EngineUnavailable
from lectern.jobs.places import ANYWHERE, Place
from lectern.jobs.runs import DOCUMENTS, ENVIRONMENT, JOB, PIPELINES, run_tags
from lectern.settings import Settings
from resources.stores.jobs import Job

REPOSITORY = "__repository__"
"""What Dagster calls all that a code location offers."""
LIVE_STATUSES = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED")
TIMEOUT = httpx.Timeout(15.0, connect=2.0)
UP_TIMEOUT_SECONDS = 1.5
LAUNCHED = "LaunchRunSuccess"

ADD_PARTITION = """
  partition: addDynamicPartition(
    repositorySelector: $repository
    partitionsDefName: $partitions
    partitionKey: $document
  ) { __typename }
"""

RUN_RESULT = """{
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on PipelineNotFoundError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on UnauthorizedError { message }
  }"""

LAUNCH = f"""
mutation Launch(
  $repository: RepositorySelector!, $partitions: String!, $document: String!,
  $execution: ExecutionParams!
) {{
{ADD_PARTITION}
  launched: launchRun(executionParams: $execution) {RUN_RESULT}
}}
"""

REPEAT = f"""
mutation Repeat($again: ReexecutionParams!) {{
  launched: launchRunReexecution(reexecutionParams: $again) {RUN_RESULT}
}}
"""

TAGS = """
query Tags($run: ID!) {
  run: runOrError(runId: $run) { __typename ... on Run { tags { key value } } }
}
"""

LIVE_RUNS = """
query LiveRuns($filter: RunsFilter!) {
  found: runsOrError(filter: $filter, limit: 20) {
    __typename
    ... on Runs { results { runId } }
    ... on PythonError { message }
  }
}
"""

STOP = """
mutation Stop($runs: [String!]!) {
  stopped: terminateRuns(runIds: $runs, terminatePolicy: SAFE_TERMINATE) {
    __typename
    ... on PythonError { message }
  }
}
"""

VITALS = """
query Vitals {
  instance { daemonHealth { allDaemonStatuses {
    daemonType required lastHeartbeatTime
  } } }
  QUEUED: runsOrError(filter: {statuses: [QUEUED]}) { ... on Runs { count } }
  STARTING: runsOrError(filter: {statuses: [STARTING]}) { ... on Runs { count } }
  STARTED: runsOrError(filter: {statuses: [STARTED]}) { ... on Runs { count } }
}
"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DagsterVitals:
    """How Dagster is."""

    daemon_heartbeats: Mapping[str, float]
    """When each daemon that is needed last gave a sign of life, in seconds since
    1970; 0 for one that never did."""
    runs: Mapping[str, int]
    """How many runs there are, by status; those that ended are not counted."""


def tags_of(job: Job, *, place: Place = ANYWHERE) -> dict[str, str]:
    """Return the tags of a run that carries out a job in such a place."""
    return run_tags(
        job_id=job.id,
        document_id=job.document_id,
        kind=job.kind,
        owner_id=job.owner_id,
        batch_id=job.batch_id,
        priority=job.priority,
        place=place,
    )


class Orchestrator:
    """The runs of jobs. Safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        place_of: Callable[[Job], Place] = lambda _job: ANYWHERE,
    ) -> None:
        self._place_of = place_of
        address = f"http://127.0.0.1:{settings.dagster_port}"
        self._client = httpx.Client(base_url=address, timeout=TIMEOUT, trust_env=False)

    def is_up(self) -> bool:
        """Whether Dagster's webserver answers now."""
        try:
            reply = self._client.get("/server_info", timeout=UP_TIMEOUT_SECONDS)
        except httpx.HTTPError:
            return False
        return reply.is_success

    def launch(self, job: Job) -> str:
        """Start a run for a job and return the run's id.

        Doing it twice does no harm: only the first run that reaches the job gets it.

        Raises:
            EngineUnavailable: Dagster does not answer, or refuses.
        """
        return self._launch(job, self._place_of(job))

    def _launch(self, job: Job, place: Place) -> str:
        tags = tags_of(job, place=place)
        repository = {
            "repositoryLocationName": location_of(place.environment),
            "repositoryName": REPOSITORY,
        }
        execution = {
            "selector": {**repository, "jobName": PIPELINES[job.kind]},
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {
                "tags": [{"key": key, "value": value} for key, value in tags.items()]
            },
        }
        variables = {
            "repository": repository,
            "partitions": DOCUMENTS,
            "document": job.document_id,
            "execution": execution,
        }
        return self._launched(self._ask(LAUNCH, variables), job)

    def retry(self, job: Job) -> str:
        """Repeat what failed in a job's run, and return the new run's id.

        A job that never had a run, or whose run is forgotten, or whose engine now
        lives in another environment, is launched anew.

        Raises:
            EngineUnavailable: Dagster does not answer, or refuses.
        """
        place = self._place_of(job)
        if job.run_id is None or self._environment_of(job.run_id) != place.environment:
            return self._launch(job, place)
        again = {"parentRunId": job.run_id, "strategy": "FROM_FAILURE"}
        try:
            return self._launched(self._ask(REPEAT, {"again": again}), job)
        except EngineUnavailable as error:
            logger.info("Job %s is launched from its start: %s", job.id, error)
            return self._launch(job, place)

    def _environment_of(self, run_id: str) -> str | None:
        """Return the environment that carried out a run; None where it is forgotten."""
        run = self._ask(TAGS, {"run": run_id})["run"]
        if "tags" not in run:
            return None
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        return str(tags.get(ENVIRONMENT, LIGHT))

    def cancel(self, job: Job) -> int:
        """Stop every run that works on a job; return how many there were.

        Raises:
            EngineUnavailable: Dagster does not answer, or refuses.
        """
        tags = [{"key": JOB, "value": job.id}]
        wanted = {"filter": {"tags": tags, "statuses": list(LIVE_STATUSES)}}
        found = self._ask(LIVE_RUNS, wanted)["found"]
        run_ids = [run["runId"] for run in found.get("results", ())]
        if run_ids:
            self._ask(STOP, {"runs": run_ids})
        return len(run_ids)

    def vitals(self) -> DagsterVitals:
        """Return how Dagster is.

        Raises:
            EngineUnavailable: Dagster does not answer, or refuses.
        """
        answer = self._ask(VITALS, {})
        daemons = answer.pop("instance")["daemonHealth"]["allDaemonStatuses"]
        return DagsterVitals(
            daemon_heartbeats={
                daemon["daemonType"]: daemon["lastHeartbeatTime"] or 0.0
                for daemon in daemons
                if daemon["required"]
            },
            runs={status: found["count"] for status, found in answer.items()},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _launched(self, answer: Mapping[str, Any], job: Job) -> str:
        result = answer["launched"]
        if result["__typename"] != LAUNCHED:
            reason = result.get("message") or result.get("errors") or ""
            raise EngineUnavailable(
                f"Dagster did not start the work ({result['__typename']}: {reason}). "
                "It is tried again by itself; the Dagster page shows more."
            )
        run_id = str(result["run"]["runId"])
        logger.info("Job %s is carried out by run %s", job.id, run_id)
        return run_id

    def _ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        try:
            reply = self._client.post("/graphql", json=body)
            content = reply.json()
        except (httpx.HTTPError, ValueError) as error:
            raise EngineUnavailable(
                "Dagster does not answer. The work is kept and begins by itself when "
                "Dagster is back."
            ) from error
        if content.get("data") is None:
            raise EngineUnavailable(
                f"Dagster refused the request: {content.get('errors')}."
            )
        return dict(content["data"])
