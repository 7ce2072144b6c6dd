"""The one base for data that enters or leaves Lectern."""

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """Immutable, and refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
