"""Kokoro is found, or what is missing is named; without Kokoro and without torch."""

import shutil
import sys
from pathlib import Path

import pytest

from lectern.errors import EngineUnavailable
from lectern.jobs.accelerators import Accelerator
from lectern.settings import Kokoro, Settings
from resources.doctor import Check, diagnose
from resources.engines import kokoro_setup
from resources.engines.kokoro import KokoroEngine
from resources.engines.voices import SpeechEngines
from tests.support.kokoro import configured, mix

INSTALLED = (
    '{"kokoro": "0.9.4", "misaki": "0.9.4", "torch": "2", "espeakng-loader": "1"}'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that looks like a model."""
    (tmp_path / "voices").mkdir()
    for name in ("af_bella", "af_alloy", "af_heart", "bm_george", "zf_xiaobei"):
        (tmp_path / "voices" / f"{name}.pt").write_bytes(name.encode())
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "kokoro-v1_0.pth").write_bytes(b"weights")
    return tmp_path


@pytest.fixture
def known(folder: Path, tmp_path: Path) -> Settings:
    """Return settings with an interpreter that says it has Kokoro."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{INSTALLED}'\n")
    python.chmod(0o755)
    return configured(tmp_path, folder, python=python)


@pytest.fixture
def found(known: Settings) -> KokoroEngine:
    """Return an engine that nobody has asked to speak."""
    return KokoroEngine(known)


def test_without_it_the_error_says_how_to_install_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("resources.environments.CHECKOUT", tmp_path)
    settings = configured(tmp_path, folder, python=None)

    with pytest.raises(EngineUnavailable, match=r"make kokoro.*lectern\[kokoro\]"):
        SpeechEngines(settings).engine("kokoro")


def test_a_python_that_lacks_it_is_named(folder: Path, tmp_path: Path):
    settings = configured(tmp_path, folder, python=sys.executable)

    with pytest.raises(EngineUnavailable, match="not installed for the Python"):
        KokoroEngine(settings)


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("config.json", "config.json is missing"),
        ("kokoro-v1_0.pth", r"one \*.pth is missing"),
        ("voices", r"voices/\*.pt is missing"),
    ],
)
def test_a_folder_that_is_no_model_is_told_what_it_lacks(
    known: Settings, folder: Path, missing: str, named: str
):
    target = folder / missing
    shutil.rmtree(target) if target.is_dir() else target.unlink()

    with pytest.raises(EngineUnavailable, match=named):
        KokoroEngine(known)


def test_a_folder_that_is_not_there_is_no_name_of_a_hub(known: Settings):
    settings = known
    kokoro = settings.kokoro.model_copy(update={"model": "/no/such/folder"})

    with pytest.raises(EngineUnavailable, match="which is no folder"):
        KokoroEngine(settings.model_copy(update={"kokoro": kokoro}))


def test_it_is_there_once_a_model_is_configured(known: Settings):
    with_it = SpeechEngines(known)

    assert "kokoro" in with_it.names()
    assert "kokoro" not in SpeechEngines(Settings(_env_file=None)).names()
    assert with_it.voice("kokoro:bm_george").name == "George (British English)"


def test_the_doctor_says_what_it_lacks(known: Settings, folder: Path):
    def told() -> Check:
        return next(check for check in diagnose(known) if check.name == "kokoro")

    assert told().ok
    assert "5 voices" in told().message
    (folder / "config.json").unlink()
    assert not told().ok
    assert "config.json is missing" in told().message


def test_voices_are_told_by_their_names(found: KokoroEngine):
    voices = {voice.id: voice for voice in found.voices()}

    assert list(voices)[:3] == [
        "kokoro:af_heart",
        "kokoro:af_bella",
        "kokoro:af_alloy",
    ]
    george = voices["kokoro:bm_george"]
    assert (george.language, george.gender) == ("en-gb", "male")
    assert george.licence == "Apache-2.0"
    assert voices["kokoro:zf_xiaobei"].language == "zh"


@pytest.mark.parametrize(
    ("language", "voice_id"),
    [
        ("en", "kokoro:af_heart"),
        ("en-GB", "kokoro:bm_george"),
        ("zh", "kokoro:zf_xiaobei"),
    ],
)
def test_the_default_voice_speaks_the_region(
    found: KokoroEngine, language: str, voice_id: str
):
    voice = found.default_voice(language)

    assert voice is not None
    assert voice.id == voice_id
    assert found.default_voice("de") is None


def test_a_language_that_it_does_not_speak_is_read_by_another_engine(known: Settings):
    speech = known.speech.model_copy(update={"engine": "kokoro"})
    engines = SpeechEngines(known.model_copy(update={"speech": speech}))

    assert engines.default_voice("en").engine == "kokoro"
    german = engines.voice_for("de", engines.default_voice("en"))
    assert (german.engine, german.language) == ("espeak", "de")
    engines.close()


def test_another_model_or_voice_makes_other_keys(
    found: KokoroEngine, known: Settings, folder: Path
):
    mixed = mix("af_heart=0.50,bm_george=0.50")
    before = found.voice_digest(mixed)
    (folder / "voices" / "bm_george.pt").write_bytes(b"another voice")
    (folder / "kokoro-v1_0.pth").write_bytes(b"other weights")

    assert found.voice_digest(mixed) != before
    assert KokoroEngine(known).version != found.version


def test_a_mix_for_another_accent_is_another_voice(found: KokoroEngine):
    voices = "af_heart=0.50,bm_george=0.50"

    american, british = (
        found.voice_digest(mix(voices, language)) for language in ("en-us", "en-gb")
    )

    assert american != british


def test_work_goes_to_a_gpu_only_where_that_was_said(
    found: KokoroEngine, known: Settings, monkeypatch: pytest.MonkeyPatch
):
    kokoro = known.kokoro.model_copy(update={"device": "cuda"})
    on_gpu = KokoroEngine(known.model_copy(update={"kokoro": kokoro}))

    assert found.accelerator is Accelerator.CPU
    assert on_gpu.accelerator is Accelerator.GPU


def test_sixteen_bits_go_no_further_than_machines_really_have(monkeypatch):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    assert "ONEDNN_MAX_CPU_ISA" not in kokoro_setup.environment(Kokoro())
    told = kokoro_setup.environment(Kokoro(bf16=True))
    assert told["ONEDNN_MAX_CPU_ISA"] == "AVX512_CORE_BF16"

    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_AMX")
    told = kokoro_setup.environment(Kokoro(bf16=True))
    assert told["ONEDNN_MAX_CPU_ISA"] == "AVX512_CORE_AMX"
