"""Environments: interpreters with what some engines need and others do without.

Names only. Where they are on this machine is looked up in
``resources/environments.py``, what runs in them is put together in
``pipelines/environments.py``.
"""

from dataclasses import dataclass

from lectern.jobs.states import JobKind

LIGHT = "light"
"""Lectern's own environment, always there. It holds every engine without an extra."""
LIGHT_LOCATION = "lectern"
"""What its code location is called."""

SPEAKING = (JobKind.LISTEN, JobKind.RENDER, JobKind.EXPORT, JobKind.VOICE)


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment beside the light one: all of Lectern, and an extra."""

    name: str
    """Also that of its extra in ``pyproject.toml`` and of its code location."""
    needs: tuple[str, ...]
    """Modules by which it is told that the extra is installed."""
    kinds: tuple[JobKind, ...]
    """Jobs that an engine of it may carry out."""


KOKORO = Environment("kokoro", needs=("torch", "kokoro"), kinds=SPEAKING)
API = Environment(
    "api", needs=("openai", "mistralai"), kinds=(JobKind.PREPARE, *SPEAKING)
)

ENVIRONMENTS = {one.name: one for one in (KOKORO, API)}
"""Every environment beside the light one, by name."""


def location_of(environment: str) -> str:
    """Return the code location that carries out the runs of an environment."""
    return LIGHT_LOCATION if environment == LIGHT else environment
