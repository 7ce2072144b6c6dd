"""Where tests and benches find Kokoro, and a model for it."""

import os
import subprocess
from pathlib import Path

from lectern.settings import Kokoro, Settings
from lectern.speech.voices import Voice
from resources.engines.kokoro_setup import OWN_ENVIRONMENT

BUILDER = Path(__file__).with_name("kokoro_model.py")
MISSING = "no Kokoro environment: run `make kokoro`"


def kokoro_python() -> Path | None:
    """Return the interpreter that has Kokoro; None when there is none."""
    python = Path(os.environ.get("TEST_KOKORO_PYTHON") or OWN_ENVIRONMENT)
    return python if python.is_file() else None


def make_model(python: Path, folder: Path, *, frames: float = 1) -> Path:
    """Write a model with random weights, and return its folder.

    Each phoneme takes so many frames of 25 ms: 1 is soonest done, 3 is as in speech.
    """
    command = [python, "-I", BUILDER, folder, str(frames)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def configured(
    root: Path, model: Path | str, *, python: Path | None, **values: object
) -> Settings:
    """Return settings with a Kokoro."""
    named = {"processes": 1, "model": str(model), "python": python, **values}
    kokoro = Kokoro.model_validate(named)
    return Settings(_env_file=None, data_dir=root, kokoro=kokoro)


def mix(voices: str, language: str = "en") -> Voice:
    """Return a mixed voice, as people make them."""
    parameters = {"kind": "mix", "voices": voices}
    return Voice("custom:1", "kokoro", "Mine", language, parameters=parameters)
