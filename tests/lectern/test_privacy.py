"""Between whom equal texts share a sound."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lectern.accounts.people import Principal, Role
from lectern.ids import OwnerId
from lectern.speech.privacy import AudioScope, sound_owner
from lectern.speech.variants import Recipe, variant_key

RECIPE = Recipe("The mill.", "tone", "1", "1", "v", (("pause_ms", "200"),), "", "opus")
people = st.builds(
    Principal,
    st.text(st.characters(codec="ascii"), min_size=1, max_size=40).map(OwnerId),
    st.sampled_from(Role),
)
recipes = st.builds(
    replace,
    st.just(RECIPE),
    text=st.sampled_from(["The mill.", "The river.", ""]),
    voice_digest=st.sampled_from(["v", "w"]),
)


def key(scope: AudioScope, owner: Principal, recipe: Recipe = RECIPE) -> str:
    return variant_key(replace(recipe, sound_owner=sound_owner(scope, owner)))


@given(people, people, recipes, recipes)
def test_privately_two_people_never_meet(
    one: Principal, other: Principal, first: Recipe, second: Recipe
) -> None:
    met = key(AudioScope.PRIVATE, one, first) == key(AudioScope.PRIVATE, other, second)

    assert met == (one.owner_id == other.owner_id and first == second)


@given(people, people)
def test_in_a_workspace_those_meet_who_have_accounts(
    one: Principal, other: Principal
) -> None:
    met = key(AudioScope.WORKSPACE, one) == key(AudioScope.WORKSPACE, other)

    is_known = [person.role is not Role.GUEST for person in (one, other)]
    assert met == (
        all(is_known) or (one.owner_id == other.owner_id and not any(is_known))
    )


@given(people, recipes)
def test_everyone_meets_and_keys_of_before_stay(
    owner: Principal, recipe: Recipe
) -> None:
    assert key(AudioScope.EVERYONE, owner, recipe) == variant_key(recipe)


def test_no_sound_of_one_scope_is_one_of_another() -> None:
    """An owner cannot be named so that their key is somebody's shared one."""
    shared = variant_key(RECIPE)
    alone = variant_key(replace(RECIPE, sound_owner="anna"))

    assert shared != alone
    assert variant_key(replace(RECIPE, text=alone)) not in (shared, alone)
