"""Kokoro in the app: voices mixed by ear, and heard by programs. Random weights."""

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import psutil
import pytest

from lectern.accounts.people import LOCAL
from lectern.accounts.tokens import Scope
from lectern.speech.custom_voices import Mix
from resources.engines.opus import decode
from resources.engines.resident import resident_pids
from resources.run_folder import socket_folder
from tests.support.kokoro import MISSING, kokoro_python, make_model
from tests.support.voice_product import VoiceApp, running_voice_app

PYTHON = kokoro_python()
pytestmark = [
    pytest.mark.kokoro,
    pytest.mark.timeout(600),
    pytest.mark.skipif(PYTHON is None, reason=MISSING),
]
PREVIEW = "window.__lecternPreview"
PATIENCE_SECONDS = 180.0
"""The model is loaded meanwhile, and others may need the cores."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VoiceApp]:
    """Yield the app with Kokoro in its settings."""
    assert PYTHON is not None
    folder = tmp_path_factory.mktemp("kokoro")
    model = make_model(PYTHON, folder / "model")
    named = {"kokoro__model": str(model), "kokoro__python": str(PYTHON)}
    with running_voice_app(folder / "data", **named) as running:
        yield running
        for pid in residents(running):
            os.kill(pid, signal.SIGTERM)
    shutil.rmtree(model)


def residents(app: VoiceApp) -> set[int]:
    """Return the processes that hold a model."""
    return resident_pids(socket_folder(app.services.settings.root))


def has_torch(pid: int) -> bool:
    """Whether a process, or one it started, has loaded torch."""
    process = psutil.Process(pid)
    return any(
        "libtorch" in region.path
        for each in (process, *process.children(recursive=True))
        for region in each.memory_maps()
    )


@pytest.mark.browser
def test_a_mix_is_heard_as_soon_as_a_slider_is_moved(chromium: Any, app: VoiceApp):
    page = chromium.new_page(locale="en-GB")
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{app.address}/voices")
    page.get_by_role("button", name="Make a voice", exact=True).click()
    dialog = page.get_by_role("dialog", name="Make a voice")
    dialog.get_by_label("Engine").select_option("kokoro")
    sliders = dialog.get_by_role("slider")
    assert sliders.count() == 2

    heard = [what_is_heard_at(page, sliders.first, weight) for weight in ("90", "20")]

    dialog.get_by_label("Name", exact=True).fill("Two as one")
    dialog.get_by_role("button", name="Save", exact=True).click()
    page.locator("li.row").get_by_text("Two as one", exact=True).wait_for()
    [voice] = app.services.voices.all(LOCAL)
    assert isinstance(voice.recipe, Mix)
    assert voice.engine == "kokoro"
    assert heard[0] != heard[1]
    assert all(len(decode(sound)) > 24_000 for sound in heard)
    assert errors == []
    assert len(residents(app)) == 1
    assert not has_torch(app.pid)
    page.close()


def what_is_heard_at(page: Any, slider: Any, weight: str) -> bytes:
    """Move a slider, wait until that sounds, and return the sound."""
    with page.expect_response("**/api/voices/preview"):
        slider.fill(weight)  # and no other press
    page.wait_for_function(
        f"{PREVIEW}.audio.currentTime > 0.2 && !{PREVIEW}.audio.paused"
    )
    sound = page.evaluate(
        f"""async () => {{
            const sound = await (await fetch({PREVIEW}.audio.src)).arrayBuffer();
            return Array.from(new Uint8Array(sound));
        }}"""
    )
    return bytes(sound)


def test_programs_hear_kokoro_through_the_same_process(app: VoiceApp):
    _, secret = app.services.tokens.make(
        LOCAL, name="test", scopes=(Scope.SPEECH, Scope.VOICES)
    )
    with openai.OpenAI(
        api_key=secret, base_url=f"{app.address}/v1", timeout=PATIENCE_SECONDS
    ) as client:
        listed = client.get("/audio/voices", cast_to=dict)
        models = [model.id for model in client.models.list()]
        reply = client.audio.speech.create(
            model="kokoro",
            voice="af_heart",
            input="The tide turned before noon.",
            response_format="pcm",
        )

    assert "kokoro:af_heart" in {voice["id"] for voice in listed["voices"]}
    assert "kokoro" in models
    samples = np.frombuffer(reply.content, "<i2")
    assert 0.5 < len(samples) / 24_000 < 10
    assert np.abs(samples.astype(int)).max() > 1000
    assert len(residents(app)) == 1
    assert not has_torch(app.pid)
