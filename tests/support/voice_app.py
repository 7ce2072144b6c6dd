"""The web app with an engine that mixes, and with its listening runs in threads.

    python -m tests.support.voice_app DATA_DIR PORT

The product's workers know the configured engines only; here one made for tests speaks,
so the runs that follow a reader are carried out in this process.
"""

import sys
import threading
import time
from pathlib import Path

import uvicorn

from dashboard import backend
from dashboard.server import app
from lectern.accounts.people import LOCAL
from lectern.errors import LecternError
from lectern.jobs.states import JobKind, JobState
from lectern.settings import Settings, Speech
from resources.listening import follow_reader
from resources.services import Services
from tests.support.speech import add_document, sentence
from tests.support.voices import with_blend

LOOK_SECONDS = 0.05


def follow_readers(services: Services) -> None:
    """Carry out every listening job, as a worker does."""
    begun: set[str] = set()
    while True:
        for job in services.jobs.list(
            LOCAL, states=(JobState.QUEUED,), kinds=(JobKind.LISTEN,)
        ):
            if job.id in begun:
                continue
            begun.add(job.id)
            services.jobs.start(job.id, "run")
            threading.Thread(target=follow, args=(services, job), daemon=True).start()
        time.sleep(LOOK_SECONDS)


def follow(services: Services, job: object) -> None:
    """Carry out one listening job."""
    try:
        follow_reader(services, LOCAL, job.document_id, job=job)  # type: ignore[attr-defined]
    except LecternError as error:
        services.jobs.fail(job.id, error)  # type: ignore[attr-defined]


def main(folder: str, port: str) -> None:
    """Serve until killed."""
    settings = Settings(
        _env_file=None,
        data_dir=Path(folder),
        port=int(port),
        disk_reserve_bytes=0,
        dagster_port=1,  # nobody: jobs wait for the thread above
        speech=Speech(keep_warm_seconds=10),
    )
    here = backend.open_backend(settings)
    backend.install(here)
    with_blend(here.services)
    if not here.services.catalog.documents(LOCAL):
        add_document(here.services, [sentence(number) for number in range(6)])
    threading.Thread(target=follow_readers, args=(here.services,), daemon=True).start()
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
