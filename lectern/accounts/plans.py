"""Plans: what people may use, under a name. Everybody has one.

    the installation's `limits`  <-  a plan's changes  <-  a person's own changes

Four are there from the start and can be changed in the settings, and others be added:

- ``local``: the one person of a machine without sign-in; no bounds but the machine's
- ``guest``: somebody who has not signed up
- ``free``: somebody who has
- ``full``: operators, and whoever is given it
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, StringConstraints

from lectern.accounts.limits import LimitChanges, Limits
from lectern.accounts.units import Unit
from lectern.contracts import Contract

LOCAL_PLAN = "local"
GUEST_PLAN = "guest"
FREE_PLAN = "free"
FULL_PLAN = "full"

PlanName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class PlanSettings(Contract):
    """What a plan changes of the installation's limits, and gives each month."""

    title: str = Field(default="", max_length=80)
    """Its name as people see it; unset is the name itself."""
    limits: LimitChanges = Field(default_factory=dict)
    """Limits that differ from the installation's, `{"documents": 100}`; any of those
    that are a person's, by their names under *Limits*."""
    allowances: dict[Unit, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """What may be used in a month, by unit (`tts_chars`, `tts_ms`, `ocr_pages`,
    `asr_ms`, `storage_bytes`, `micros`); a unit that is not named has no bound."""
    rollover: dict[Unit, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """How much of what is left at a month's end is kept, at most; else nothing is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan as it is in force."""

    name: str
    title: str
    limits: Limits
    allowances: Mapping[Unit, int]  # a month; what is not named has no bound
    rollover: Mapping[Unit, int]  # kept of what is left of a month, at most


DEFAULT_PLANS: Mapping[str, PlanSettings] = MappingProxyType(
    {
        LOCAL_PLAN: PlanSettings(title="This machine"),
        GUEST_PLAN: PlanSettings(
            title="Guest",
            limits={
                "upload_bytes": 50_000_000,
                "text_bytes": 1_000_000,
                "pages": 300,
                "documents": 5,
                "stored_bytes": 200_000_000,
                "voices": 1,
                "filters": 3,
                "filter_rules": 20,
                "pattern_chars": 200,
                "jobs": 10,
                "runs": 2,
                "daily_speech_minutes": 60,
                "daily_transcription_minutes": 15,
                "daily_ocr_pages": 50,
                "daily_exports": 5,
            },
            allowances={
                Unit.TTS_CHARS: 300_000,
                Unit.OCR_PAGES: 300,
                Unit.ASR_MS: 60 * 60_000,
                Unit.MICROS: 0,
            },
        ),
        FREE_PLAN: PlanSettings(
            title="Free",
            limits={
                "documents": 100,
                "stored_bytes": 2_000_000_000,
                "voices": 20,
                "filters": 20,
                "filter_rules": 100,
                "jobs": 200,
                "runs": 8,
                "daily_speech_minutes": 600,
                "daily_transcription_minutes": 120,
                "daily_ocr_pages": 500,
                "daily_exports": 30,
            },
            allowances={
                Unit.TTS_CHARS: 5_000_000,
                Unit.OCR_PAGES: 5_000,
                Unit.ASR_MS: 20 * 60 * 60_000,
                Unit.MICROS: 0,
            },
        ),
        FULL_PLAN: PlanSettings(title="Full"),
    }
)
"""The plans that are there without a setting."""


def default_plans() -> dict[str, PlanSettings]:
    """Return the plans that are there without a setting."""
    return dict(DEFAULT_PLANS)


def merged(stated: Mapping[str, object]) -> dict[str, object]:
    """Return stated plans beside those there are; of these, only what is stated is
    replaced, so that one limit can be changed without writing down the others."""
    found: dict[str, object] = dict(DEFAULT_PLANS)
    for name, plan in stated.items():
        before = DEFAULT_PLANS.get(name)
        if before is None or not isinstance(plan, Mapping):
            found[name] = plan
            continue
        whole = before.model_dump()
        for field, value in plan.items():
            is_part = isinstance(value, Mapping) and isinstance(whole.get(field), dict)
            whole[field] = {**whole[field], **value} if is_part else value
        found[name] = whole
    return found


def plans_of(limits: Limits, stated: Mapping[str, PlanSettings]) -> dict[str, Plan]:
    """Return every plan by name, with every limit said."""
    return {
        name: Plan(
            name=name,
            title=plan.title or name,
            limits=limits.changed(plan.limits),
            allowances=MappingProxyType(dict(plan.allowances)),
            rollover=MappingProxyType(dict(plan.rollover)),
        )
        for name, plan in stated.items()
    }


class PersonalLimits(Contract):
    """What one person was given beside, or in place of, the plan of their role."""

    plan: PlanName | None = None
    """Unset is the plan of their role."""
    overrides: LimitChanges = Field(default_factory=dict)
    """Limits that are theirs alone."""


NOTHING_PERSONAL = PersonalLimits()
"""Of whom nothing was changed."""
