"""Where the parts of one installation find each other on this machine.

Paths only; what lies there is described by whoever writes it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from lectern.environments import LIGHT
from lectern.errors import StoreError
from lectern.settings import Settings
from resources.run_folder import run_folder


@dataclass(frozen=True, slots=True)
class Places:
    """Files and folders that more than one process has to know."""

    root: Path
    sockets: Path

    @property
    def dagster_home(self) -> Path:
        """Return Dagster's folder: its configuration and its storage."""
        return self.root / "dagster"

    @property
    def run_output(self) -> Path:
        """Return the folder of what runs print, by run."""
        return self.dagster_home / "output"

    @property
    def logs(self) -> Path:
        """Return the folder with one log file for each component."""
        return self.root / "logs"

    @property
    def workers_socket(self) -> Path:
        """Return where the light environment's worker pool listens."""
        return pool_socket(self.sockets, LIGHT)

    @property
    def code_socket(self) -> Path:
        """Return where the light environment's code server listens."""
        return self.code_socket_of(LIGHT)

    def code_socket_of(self, environment: str) -> Path:
        """Return where an environment's code server listens."""
        return self.sockets / f"{_named('code', environment)}.sock"

    @property
    def served_workspace(self) -> Path:
        """Return the workspace file that names the running code servers."""
        return self.dagster_home / "served_workspace.yaml"

    @property
    def serve_lock(self) -> Path:
        """Return the file that a running ``lectern serve`` holds locked."""
        return self.root / "serve.lock"

    @property
    def sample_offered(self) -> Path:
        """Return the file that tells that the sample document was put in once."""
        return self.root / "sample-offered"


def find_places(settings: Settings) -> Places:
    """Return the places of the installation that these settings name."""
    return Places(root=settings.root, sockets=run_folder(settings))


def make_places(settings: Settings) -> Places:
    """Create the folders, readable by their owner alone, and return the places.

    Raises:
        StoreError: Somebody else owns the folder for sockets.
    """
    places = find_places(settings)
    for folder in (places.root, places.dagster_home, places.logs, places.sockets):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if places.sockets.stat().st_uid != os.getuid() or places.sockets.is_symlink():
        raise StoreError(
            f"The folder {places.sockets} belongs to somebody else, so no worker can "
            "listen there. Remove it, or set LECTERN_DATA_DIR to a shorter path."
        )
    places.sockets.chmod(0o700)
    return places


def pool_socket(folder: Path, environment: str) -> Path:
    """Return where an environment's worker pool listens."""
    return folder / f"{_named('workers', environment)}.sock"


def _named(what: str, environment: str) -> str:
    return what if environment == LIGHT else f"{what}-{environment}"
