"""Who is asking."""

from dataclasses import dataclass

from lectern.ids import OwnerId


@dataclass(frozen=True, slots=True)
class Principal:
    """The person on whose behalf something is read or changed."""

    owner_id: OwnerId


LOCAL = Principal(OwnerId("local"))
"""The one person of a single-user installation."""
