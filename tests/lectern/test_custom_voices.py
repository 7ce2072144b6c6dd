"""Custom voices: what they are made of, and what their engine is told."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.errors import InvalidRequest
from lectern.ids import BlobHash
from lectern.speech.custom_voices import (
    MOST_PARTS,
    Consent,
    Mode,
    Prompt,
    Recipe,
    Reference,
    Sampling,
    language_tag,
    mix_of,
    require_language,
    slug_of,
)
from lectern.speech.voice_contracts import recipe_from, recipe_json
from lectern.speech.voices import Voice

NAMES = st.from_regex(r"[a-z]{2}_[a-z]{2,8}", fullmatch=True)
WEIGHTS = st.dictionaries(
    NAMES,
    st.floats(min_value=0.001, max_value=100, allow_nan=False),
    min_size=1,
    max_size=MOST_PARTS,
)
REFERENCE = Reference(
    BlobHash("ab" * 32),
    "The boats lay still.",
    Consent("I agree to its use.", date(2026, 3, 1)),
    Mode.CHAINED,
)
PROMPT = Prompt("A calm reader.", "ada", Sampling(0.5, 0.9, 40, 7))
STOCK = [
    Voice("k:af_heart", "k", "Heart", "en-us", parameters={"voice": "af_heart"}),
    Voice("k:jf_alpha", "k", "Alpha", "ja", parameters={"voice": "jf_alpha"}),
]


def told(recipe: Recipe) -> dict[str, float]:
    parts = recipe.parameters()["voices"].split(",")
    return {name: float(weight) for name, weight in (p.split("=") for p in parts)}


@given(WEIGHTS)
def test_the_weights_an_engine_is_told_sum_to_one(weights):
    shares = told(mix_of(weights.items()))

    assert sum(round(share * 10_000) for share in shares.values()) == 10_000
    assert list(shares) == sorted(shares)
    assert all(share > 0 for share in shares.values())


@given(WEIGHTS, st.floats(min_value=0.01, max_value=9))
def test_only_proportions_decide_a_mix(weights, factor):
    alike = {name: weight * factor for name, weight in weights.items()}

    first, second = told(mix_of(weights.items())), told(mix_of(alike.items()))

    for name in first | second:
        assert first.get(name, 0) == pytest.approx(second.get(name, 0), abs=3e-4)


@given(WEIGHTS)
def test_a_mix_of_its_own_shares_is_the_same_mix(weights):
    mix = mix_of(weights.items())

    assert mix_of((part.voice, part.weight) for part in mix.parts) == mix


def test_a_mix_is_told_with_sorted_names_and_two_to_four_decimals():
    mix = mix_of([("bm_george", 7), ("af_heart", 2), ("af_heart", 1), ("zf_mute", 0)])

    assert mix.parameters() == {
        "kind": "mix",
        "voices": "af_heart=0.30,bm_george=0.70",
    }
    assert mix_of([("a", 1), ("b", 2)]).parameters()["voices"] == "a=0.3333,b=0.6667"


@pytest.mark.parametrize(
    "weights",
    [
        [],
        [("a", 0.0)],
        [("a", -1.0)],
        [("a", float("nan"))],
        [("a", float("inf"))],
        [("a=1,b", 1.0)],
        [("", 1.0)],
        [(f"v{number}", 1.0) for number in range(MOST_PARTS + 1)],
    ],
)
def test_what_cannot_be_mixed_is_refused(weights):
    with pytest.raises(InvalidRequest):
        mix_of(weights)


@pytest.mark.parametrize(
    "recipe", [mix_of([("a", 1), ("b", 2)]), REFERENCE, PROMPT], ids=lambda r: r.kind
)
def test_a_recipe_survives_being_kept(recipe):
    assert recipe_from(recipe_json(recipe)) == recipe


def test_a_reference_tells_its_clip_and_never_the_consent():
    told = REFERENCE.parameters()

    assert told == {
        "kind": "reference",
        "audio": "ab" * 32,
        "transcript": "The boats lay still.",
        "mode": "chained",
    }


def test_a_prompt_tells_scene_and_sampling_as_text():
    assert PROMPT.parameters() == {
        "kind": "prompt",
        "voice": "ada",
        "scene": "A calm reader.",
        "temperature": "0.5",
        "top_p": "0.9",
        "top_k": "40",
        "seed": "7",
    }


@pytest.mark.parametrize(
    "kept",
    [
        {"kind": "tensor"},
        {"kind": "mix", "weights": {}},
        {"kind": "mix", "weights": {"a": 1}, "more": 1},
        {"kind": "prompt", "scene": ""},
        {**recipe_json(REFERENCE), "clip": "../../etc/passwd"},
        None,
    ],
)
def test_what_is_no_recipe_is_refused(kept):
    with pytest.raises(InvalidRequest):
        recipe_from(kept)


def test_a_voice_speaks_a_language_of_its_parts():
    both = mix_of([("af_heart", 1), ("jf_alpha", 1)])

    require_language(both, "ja", STOCK)
    require_language(mix_of([("af_heart", 1)]), "en-gb", STOCK)
    with pytest.raises(InvalidRequest, match="speaks “de”"):
        require_language(both, "de", STOCK)
    with pytest.raises(InvalidRequest, match="no voice “nobody”"):
        require_language(mix_of([("nobody", 1)]), "en", STOCK)


def test_language_tags_have_one_form():
    assert language_tag(" PT_br ") == "pt-br"
    for wrong in ("", "english language", "e", "en-", "en/us"):
        with pytest.raises(InvalidRequest):
            language_tag(wrong)


@given(st.text(max_size=200))
def test_every_name_has_a_slug(name):
    slug = slug_of(name)

    assert slug
    assert "/" not in slug
    assert " " not in slug
    assert slug_of(slug) == slug


def test_names_of_any_script_keep_their_letters():
    assert slug_of("Anna’s Voice, 2") == "anna-s-voice-2"
    assert slug_of("安娜") != slug_of("玛丽")
