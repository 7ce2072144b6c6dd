"""The process that Prometheus asks: ``python -m pipelines.exporter``.

``lectern serve`` keeps it alive when ``LECTERN_METRICS_PORT`` is set; elsewhere it is
started by itself, once for the whole installation.
"""

import signal
import threading

from prometheus_client import CollectorRegistry, start_http_server

from lectern.errors import InvalidRequest
from lectern.settings import Settings
from resources.metrics import Exporter
from resources.orchestrator import Orchestrator
from resources.services import Services


def export(settings: Settings, until: threading.Event) -> None:
    """Answer Prometheus until told to stop.

    Raises:
        InvalidRequest: No port is set, or it is taken.
    """
    if settings.metrics_port is None:
        raise InvalidRequest(
            "Set LECTERN_METRICS_PORT to the port at which Prometheus asks."
        )
    services, orchestrator = Services.open(settings), Orchestrator(settings)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Exporter(services, orchestrator))
    try:
        server, thread = start_http_server(
            settings.metrics_port, settings.metrics_host, registry
        )
    except OSError as error:
        raise InvalidRequest(
            f"Port {settings.metrics_port} of {settings.metrics_host} cannot be used "
            f"({error.strerror}). Set LECTERN_METRICS_PORT to another number."
        ) from error
    try:
        until.wait()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        orchestrator.close()
        services.close()


def main() -> None:
    """Run until SIGTERM."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    export(Settings(), stopping)


if __name__ == "__main__":
    main()
