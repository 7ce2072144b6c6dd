"""Which machines may carry out a piece of work."""

from enum import StrEnum


class Accelerator(StrEnum):
    """What a run needs of its machine. It picks the queue, past one machine."""

    CPU = "cpu"
    GPU = "gpu"
