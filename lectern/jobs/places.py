"""Where a run is to be carried out."""

from dataclasses import dataclass

from lectern.environments import LIGHT
from lectern.jobs.accelerators import Accelerator


@dataclass(frozen=True, slots=True)
class Place:
    """What a run needs of its machine, and the environment its engine lives in."""

    accelerator: Accelerator = Accelerator.CPU
    environment: str = LIGHT


ANYWHERE = Place()
