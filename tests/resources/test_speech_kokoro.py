"""Kokoro speaks, by the real model with random weights, loaded as any other."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lectern.errors import EngineCrashed, EngineUnavailable
from lectern.speech.voices import Voice
from resources.engines.kokoro import KokoroEngine
from resources.engines.resident import resident_pids
from resources.engines.sounds import make_sound
from resources.engines.speech import Speech
from tests.support.kokoro import (
    MISSING,
    configured,
    kokoro_python,
    make_model,
    mix,
)

PYTHON = kokoro_python()
pytestmark = [
    pytest.mark.kokoro,
    pytest.mark.skipif(PYTHON is None, reason=MISSING),
]
SENTENCE = "The tide turned before noon, and the small boats lay still on the sand. "


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the folder of a model with random weights, 330 MB."""
    assert PYTHON is not None
    folder = tmp_path_factory.mktemp("kokoro")
    yield make_model(PYTHON, folder / "model")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a data folder; whatever is loaded beside it is ended afterwards."""
    root = tmp_path_factory.mktemp("data")
    yield root
    for pid in resident_pids(root / "run"):
        os.kill(pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def engine(model: Path, root: Path) -> KokoroEngine:
    """Return one engine for the whole file: it takes seconds to load."""
    return KokoroEngine(configured(root, model, python=PYTHON))


def voice_of(engine: KokoroEngine, name: str = "af_heart") -> Voice:
    """Return a voice by its own name."""
    voice = engine.find(f"kokoro:{name}")
    assert voice is not None
    return voice


def heard(text: str, speech: Speech) -> list[str]:
    """Return the words that have a time."""
    return [text[word.start_char : word.end_char] for word in speech.words]


def assert_in_order(speech: Speech) -> None:
    """Check that words follow each other and end with the sound."""
    end_ms = len(speech.samples) * 1000 / speech.rate_hz
    for word in speech.words:
        assert 0 <= word.start_ms < word.end_ms <= end_ms + 1
    for one, following in pairwise(speech.words):
        assert one.end_char <= following.start_char
        assert one.end_ms <= following.start_ms


def test_a_text_becomes_sound_with_the_times_of_its_words(engine: KokoroEngine):
    text = "Dr. Smith paid $3.50 in 1998, for twenty-one apples — don't you think?"

    speech = engine.synthesise(text, voice_of(engine))

    assert speech.rate_hz == 24_000
    assert heard(text, speech) == text.replace("— ", "").split()
    assert_in_order(speech)
    assert speech.words[-1].end_ms > 0.9 * len(speech.samples) / 24


def test_a_text_sounds_the_same_every_time(engine: KokoroEngine):
    first, again = (
        engine.synthesise(SENTENCE, voice_of(engine)).samples for _ in range(2)
    )

    assert np.array_equal(first, again)


def test_it_passes_the_check_and_is_kept_as_any_sound(engine: KokoroEngine):
    sound = make_sound(
        engine,
        SENTENCE.strip(),
        voice_of(engine),
        pause_ms=200,
        loudness_lufs=-19,
        bit_rate=32_000,
    )

    assert sound.data[:4] == b"OggS"
    assert 1000 < sound.duration_ms < 6000
    assert len(sound.words) == len(SENTENCE.split())


def test_a_text_past_what_the_model_takes_is_split_and_nothing_is_lost(
    engine: KokoroEngine,
):
    asked = {"ask": "speak", "language": "a", "voices": {"af_heart": 1}}
    one, _ = engine._resident.ask(asked | {"text": SENTENCE})

    many, sound = engine._resident.ask(asked | {"text": SENTENCE * 9})

    assert many["phonemes"] == 9 * one["phonemes"] > 510
    assert many["unknown_phonemes"] == 0
    assert many["pieces"] == 2
    assert len(many["words"]) == 9 * len(SENTENCE.split())
    times = [word[2] for word in many["words"]]
    assert times == sorted(times)
    assert times[-1] < len(sound) / 48


def test_a_word_past_what_the_model_takes_is_said_to_its_end(engine: KokoroEngine):
    asked = {"ask": "speak", "language": "f", "voices": {"ff_siwis": 1}}
    one, _ = engine._resident.ask(asked | {"text": "bateau" * 10})

    header, _ = engine._resident.ask(asked | {"text": "bateau" * 150})

    assert header["pieces"] >= 2
    assert header["phonemes"] > 14 * one["phonemes"]
    assert [word[:2] for word in header["words"]] == [[0, 900]]


def test_french_is_spelled_by_french_rules_and_has_its_words_too(engine: KokoroEngine):
    text = "Il y a 42 bateaux aujourd'hui, « mon ami »… n'est-ce pas ?"

    speech = engine.synthesise(text, voice_of(engine, "ff_siwis"))

    words = heard(text, speech)
    assert [word for word in text.split() if word[-1].isalnum()] == [
        word for word in words if word[-1].isalnum()
    ]
    assert_in_order(speech)


@pytest.mark.parametrize("name", ["af_heart", "bf_emma", "ff_siwis"])
@pytest.mark.parametrize(
    "text",
    ["* * *", "…", "👩‍🚒", "[a](b)", "x", "Ωμέγα 中文 عربي", "''’-", "1/2 £5.5.5"],
)
def test_no_text_breaks_it(engine: KokoroEngine, text: str, name: str):
    speech = engine.synthesise(text, voice_of(engine, name))

    assert len(speech.samples) > 0
    assert_in_order(speech)


def test_a_mix_is_the_weighted_mean_of_its_voices(engine: KokoroEngine):
    one, other, mixed = (
        engine.tensor(voice)
        for voice in (
            voice_of(engine, "af_heart"),
            voice_of(engine, "bm_george"),
            mix("af_heart=0.30,bm_george=0.70"),
        )
    )

    assert one is not None
    assert other is not None
    assert mixed is not None
    assert mixed.shape == (510, 1, 256)
    assert np.allclose(mixed, 0.3 * one + 0.7 * other, atol=1e-6)


def test_a_mix_of_one_sounds_like_that_one(engine: KokoroEngine):
    mixed = engine.synthesise("Mixed.", mix("af_heart=1.00", "en-us"))
    stock = engine.synthesise("Mixed.", voice_of(engine))

    assert np.array_equal(mixed.samples, stock.samples)


def test_a_language_without_its_package_says_which_one_it_needs(engine: KokoroEngine):
    with pytest.raises(EngineUnavailable, match=r"Japanese .* “misaki\[ja\]”"):
        engine.synthesise("こんにちは", voice_of(engine, "jf_alpha"))


def test_two_that_use_it_share_one_model(engine: KokoroEngine, model: Path, root: Path):
    other = KokoroEngine(configured(root, model, python=PYTHON))
    with ThreadPoolExecutor(4) as pool:
        sounds = list(
            pool.map(
                lambda one: one.synthesise("Both.", voice_of(one)).samples,
                [engine, other] * 2,
            )
        )

    assert all(np.array_equal(sounds[0], sound) for sound in sounds)
    assert len(resident_pids(root / "run")) == 1


def test_a_changed_voice_is_heard_and_has_another_key(
    engine: KokoroEngine, model: Path
):
    voice = voice_of(engine, "am_adam")
    before = engine.voice_digest(voice), engine.tensor(voice)

    shutil.copy(model / "voices" / "bm_george.pt", model / "voices" / "am_adam.pt")

    assert engine.voice_digest(voice) != before[0]
    assert not np.array_equal(engine.tensor(voice), before[1])


def test_no_thread_of_the_parent_is_there_that_a_fork_would_lack(engine: KokoroEngine):
    engine.synthesise("Loaded.", voice_of(engine))
    tasks = Path(f"/proc/{engine._resident.pid()}/task")

    assert len(list(tasks.iterdir())) == 1


def test_killed_it_fails_one_text_and_speaks_the_next(model: Path, tmp_path: Path):
    settings = configured(tmp_path, model, python=PYTHON, keep_loaded_seconds=3)
    engine = KokoroEngine(settings)
    engine.warm_up(voice_of(engine))
    with ThreadPoolExecutor(1) as pool:
        spoken = pool.submit(engine.synthesise, SENTENCE * 4, voice_of(engine))
        os.kill(engine._resident.pid() or 0, signal.SIGKILL)
        with pytest.raises(EngineCrashed):
            spoken.result(60)

    assert len(engine.synthesise("Again.", voice_of(engine)).samples)


def test_bf16_is_another_version_and_speaks_too(model: Path, tmp_path: Path):
    settings = configured(
        tmp_path, model, python=PYTHON, bf16=True, keep_loaded_seconds=1
    )
    engine = KokoroEngine(settings)

    assert engine.version.endswith(" bf16")
    assert len(engine.synthesise("Half.", voice_of(engine)).samples) > 1000


@pytest.mark.parametrize("damage", ["nothing", "part", "config", "voice", "gpu"])
def test_what_cannot_be_loaded_is_named(model: Path, tmp_path: Path, damage: str):
    folder = tmp_path / "model"
    shutil.copytree(model, folder, copy_function=os.link)
    device = "cuda" if damage == "gpu" else "cpu"
    if damage == "nothing":
        (folder / "model.pth").unlink()
        (folder / "model.pth").write_bytes(b"not a model")
    if damage == "part":
        (folder / "model.pth").unlink()
        save = "import sys, torch; torch.save({'bert': {}}, sys.argv[1])"
        subprocess.run([PYTHON, "-c", save, folder / "model.pth"], check=True)
    if damage == "config":
        (folder / "config.json").unlink()
        (folder / "config.json").write_text("{}")
    if damage == "voice":
        (folder / "voices" / "af_heart.pt").unlink()
        (folder / "voices" / "af_heart.pt").write_bytes(b"\x80\x04.")
    engine = KokoroEngine(
        configured(
            tmp_path, folder, python=PYTHON, device=device, keep_loaded_seconds=0.5
        )
    )
    expected = {
        "nothing": "are no weights of Kokoro",
        "part": "lacks bert_encoder, predictor",
        "config": "is no configuration of Kokoro",
        "voice": "is no voice",
        "gpu": "there is no GPU",
    }[damage]

    with pytest.raises(EngineUnavailable, match=expected):
        engine.synthesise("Text.", voice_of(engine))


def test_a_name_of_a_hub_that_is_not_here_is_not_looked_for(root: Path):
    with pytest.raises(EngineUnavailable, match="ALLOW_DOWNLOADS"):
        KokoroEngine(configured(root, "hexgrad/Kokoro-82M", python=PYTHON))
