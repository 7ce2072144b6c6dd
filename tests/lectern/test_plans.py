"""Plans and limits: what is stated changes what stands below, and nothing else."""

import pytest
from pydantic import ValidationError

from lectern.accounts.limits import PERSONAL, Limits, checked_changes
from lectern.accounts.plans import FREE_PLAN, GUEST_PLAN, LOCAL_PLAN, Plan
from lectern.accounts.units import Unit
from lectern.settings import Settings


def plan(settings: Settings, name: str) -> Plan:
    found = settings.plan(name)
    assert found is not None
    return found


def test_one_person_alone_has_the_limits_of_the_machine_and_no_allowance() -> None:
    settings = Settings(limits=Limits(documents=7, daily_exports=3))
    local = plan(settings, LOCAL_PLAN)
    assert local.limits == settings.limits
    assert local.allowances == {}


def test_a_guest_may_never_do_more_than_somebody_who_signed_up() -> None:
    guest, free = plan(Settings(), GUEST_PLAN), plan(Settings(), FREE_PLAN)
    for name in PERSONAL:
        of_guest, of_free = getattr(guest.limits, name), getattr(free.limits, name)
        if of_free is not None:
            assert of_guest is not None, name
            assert of_guest <= of_free, name
    for unit, amount in free.allowances.items():
        assert guest.allowances[unit] <= amount, unit


def test_one_limit_of_a_plan_is_changed_by_one_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = plan(Settings(), FREE_PLAN)
    monkeypatch.setenv("LECTERN_PLANS__FREE__LIMITS__DOCUMENTS", "20")
    monkeypatch.setenv("LECTERN_PLANS__FREE__LIMITS__STORED_BYTES", "none")
    monkeypatch.setenv("LECTERN_PLANS__FREE__ALLOWANCES__OCR_PAGES", "9")
    settings = Settings()
    after = plan(settings, FREE_PLAN)
    assert after.limits == before.limits.changed(
        {"documents": 20, "stored_bytes": None}
    )
    assert after.allowances == {**before.allowances, Unit.OCR_PAGES: 9}
    assert plan(settings, GUEST_PLAN) == plan(Settings(), GUEST_PLAN)


def test_a_plan_of_ones_own_begins_at_the_installations_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LECTERN_PLANS__TEAM", '{"limits": {"pages": 10}}')
    team = plan(Settings(), "team")
    assert (team.title, team.limits) == ("team", Limits(pages=10))


@pytest.mark.parametrize(
    "changes",
    [
        {"documnets": 5},
        {"child_memory_bytes": 2**40},  # protects the machine: not a person's
        {"documents": -1},
        {"documents": None},  # only what says so may be without bound
        {"documents": "many"},
        {"runs": 0},
    ],
)
def test_what_is_no_limit_of_a_person_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"limit|validation error"):
        checked_changes(changes)
    with pytest.raises(ValidationError):
        Settings.model_validate({"plans": {"free": {"limits": changes}}})


def test_a_default_plan_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValidationError, match="There is no plan 'gold'"):
        Settings(default_plan="gold")
