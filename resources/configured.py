"""Resources as Dagster sees them: shells that return our own plain objects.

The only module of ``resources`` that imports Dagster. No logic belongs here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from lectern.settings import Settings
from resources.services import Services


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
        yield Services.open(settings)
