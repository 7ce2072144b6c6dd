"""The Celery app of a worker, and the one task it knows: to carry out a run.

The task's name and arguments are those of ``dagster_celery``. What it does with a run
is in ``delivered_runs``.
"""

from celery import Celery
from celery.worker.request import Request
from dagster_celery.config import TASK_EXECUTE_JOB_NAME

from pipelines.celery_settings import CELERY
from pipelines.delivered_runs import Deliveries


class RunRequest(Request):  # type: ignore[misc]  # Celery is untyped
    """A message in the hands of the process that watches over those of runs."""

    deliveries: Deliveries

    def on_failure(self, exc_info, send_failed_event=True, return_ok=False):  # type: ignore[no-untyped-def]  # noqa: FBT002
        """Say of a run whose process is gone that nobody carries it out any more.

        The message is given out again after that, and whoever takes it sees so.
        """
        self.deliveries.forget(self.id)
        super().on_failure(
            exc_info, send_failed_event=send_failed_event, return_ok=return_ok
        )


def make_app(broker_url: str, deliveries: Deliveries) -> Celery:
    """Return the app of one lane, in that lane's own process."""
    app = Celery("lectern", broker=broker_url, set_as_current=True)
    app.conf.update(CELERY)
    kept = type("KeptRunRequest", (RunRequest,), {"deliveries": deliveries})

    @app.task(name=TASK_EXECUTE_JOB_NAME, bind=True, shared=False, Request=kept)  # type: ignore[untyped-decorator]
    def execute_job(self, execute_job_args_packed: object) -> str:  # type: ignore[no-untyped-def]
        """Carry out the run after which the message is named."""
        return deliveries.deliver(self.request.id).value

    return app
