"""Resources as Dagster sees them: shells that return our own plain objects.

The only module of ``resources`` that imports Dagster. No logic belongs here.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from lectern.settings import Settings
from resources.services import Services

_keeps = False
_kept: tuple[int, Settings, Services] | None = None


class ServicesResource(dg.ConfigurableResource[Services]):
    """The stores and engines of this installation."""

    data_dir: str | None = None
    """Where the data lives, when not where the environment's settings say."""

    @contextmanager
    def yield_for_execution(
        self, context: dg.InitResourceContext
    ) -> Iterator[Services]:
        """Open the services for one run."""
        settings = Settings()
        if self.data_dir is not None:
            settings = settings.model_copy(update={"data_dir": Path(self.data_dir)})
        yield _kept_services(settings) if _keeps else Services.open(settings)


def keep_services() -> None:
    """Have every run of this process use the same services.

    For a process that carries out run after run: its connections stay open, and its
    engines warm. A process forked from it opens its own.
    """
    global _keeps
    _keeps = True


def _kept_services(settings: Settings) -> Services:
    global _kept
    if _kept is None or _kept[:2] != (os.getpid(), settings):
        _kept = (os.getpid(), settings, Services.open(settings))
    return _kept[2]
