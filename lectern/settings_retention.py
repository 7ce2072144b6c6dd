"""Settings of retention: how long and how much is kept, by kind, plan and person."""

from pydantic import BaseModel, ConfigDict, Field

from lectern.ids import OwnerId
from lectern.operations.retention import Kind, Policy, Rule


class Keeping(BaseModel):
    """How long and how much is kept of one person. Unset is without end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source_days: int | None = Field(None, ge=1)
    """Days without use after which a document goes to the trash, if `takes_sources`."""
    source_bytes: int | None = Field(None, ge=0)
    """Bytes of one person's documents outside the trash, if `takes_sources`."""
    derived_days: int | None = Field(None, ge=1)
    """Days without use that recognised pages and covers are kept."""
    derived_bytes: int | None = Field(None, ge=0)
    """Bytes of them."""
    export_days: int | None = Field(None, ge=1)
    """Days without use that exported files are kept; they can be made again."""
    export_bytes: int | None = Field(None, ge=0)
    """Bytes of one person's exported files."""
    log_days: int | None = Field(None, ge=1)
    """Days that the log of a job is kept."""
    log_bytes: int | None = Field(None, ge=0)
    """Bytes of one person's logs."""
    total_bytes: int | None = Field(None, ge=0)
    """Bytes of all of these together."""
    takes_sources: bool = False
    """Whether documents may be moved to the trash to keep within all this. Without it
    only what can be made again goes."""


class Retention(Keeping):
    """What is deleted by itself. As it stands, logs and exported files alone, and
    never a document."""

    export_days: int | None = Field(180, ge=1)
    """Days without use that exported files are kept; they can be made again."""
    export_bytes: int | None = Field(20_000_000_000, ge=0)
    """Bytes of one person's exported files."""
    log_days: int | None = Field(90, ge=1)
    """Days that the log of a job is kept."""
    log_bytes: int | None = Field(500_000_000, ge=0)
    """Bytes of one person's logs."""
    audio_days: int | None = Field(None, ge=1)
    """Days that spoken audio is kept which nobody listens to, whoever had it made."""
    audio_bytes: int | None = Field(None, ge=0)
    """Bytes of all spoken audio."""
    trash_days: int = Field(30, ge=1)
    """Days that a deleted document can be brought back."""
    job_days: int = Field(365, ge=1)
    """Days that a job that ended is remembered, with its log while that is kept."""
    plans: dict[str, Keeping] = Field(default_factory=dict)
    """What differs by plan, `{"guest": {"source_days": 7, "takes_sources": true}}`."""
    people: dict[str, Keeping] = Field(default_factory=dict)
    """What differs by person, by their id."""

    def policy(self, owner_id: OwnerId | None, plan: str = "") -> Policy:
        """Return what holds for a person; for None, for what is nobody's own."""
        if owner_id is None:
            return Policy({Kind.AUDIO: Rule(self.audio_days, self.audio_bytes)})
        own: dict[str, int | bool | None] = {
            name: getattr(self, name) for name in Keeping.model_fields
        }
        for other in (self.plans.get(plan), self.people.get(owner_id)):
            if other is not None:
                own |= other.model_dump(exclude_unset=True)
        kept = Keeping.model_validate(own)
        return Policy(
            {
                Kind.SOURCE: Rule(kept.source_days, kept.source_bytes),
                Kind.DERIVED: Rule(kept.derived_days, kept.derived_bytes),
                Kind.EXPORT: Rule(kept.export_days, kept.export_bytes),
                Kind.LOG: Rule(kept.log_days, kept.log_bytes),
            },
            kept.total_bytes,
            kept.takes_sources,
        )

    def is_bound(self, kind: Kind) -> bool:
        """Whether anybody's things of a kind may ever be asked for."""
        if kind is Kind.AUDIO:
            return self.policy(None).is_bound(kind)
        somebody = OwnerId("")
        policies = [self.policy(somebody)]
        policies += [self.policy(somebody, plan) for plan in self.plans]
        policies += [self.policy(OwnerId(name)) for name in self.people]
        return any(policy.is_bound(kind) for policy in policies)
