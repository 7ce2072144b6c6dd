"""Which recogniser a preparing job was asked to use, and what for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

LOCAL = "local"
"""The recogniser of this machine, which is always there."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked for. Without a word: this machine's own recogniser."""

    recogniser: str = LOCAL
    all_pages: bool = False  # also those that read well here
    is_to_be_read: bool = False  # take the place of the text that is read now

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> "Wanted":
        """Return what a job's parameters ask for."""
        return cls(
            recogniser=str(parameters.get("recogniser") or LOCAL),
            all_pages=bool(parameters.get("all_pages")),
            is_to_be_read=bool(parameters.get("is_to_be_read")),
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the parameters of a job that asks for this; none for the usual."""
        return {} if self == Wanted() else asdict(self)

    def named(self, step: str) -> str:
        """Return under which name a step keeps what it made, one for each engine."""
        return step if self.recogniser == LOCAL else f"{step}:{self.recogniser}"
