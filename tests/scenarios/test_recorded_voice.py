"""A voice is made from the microphone: a real browser records, a real server imitates.

The microphone is Chromium's own, which plays a file.
"""

import base64
import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lectern.accounts.people import LOCAL
from lectern.speech.custom_voices import Reference
from tests.support.browser import browser
from tests.support.speech_server import RATE_HZ, SpeechServer, wav
from tests.support.voice_product import VoiceApp, running_voice_app

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PREVIEW = "window.__lecternPreview"
PITCH_HZ = 440
TRANSCRIPT = "The boats lay still on the sand."
CONSENT = "This is my own voice, and I agree to its use here."


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    """Yield a server of voices that are made from a recording."""
    with SpeechServer(higgs=True, voices=[]).running() as running:
        yield running


@pytest.fixture
def app(tmp_path: Path, server: SpeechServer) -> Iterator[VoiceApp]:
    """Yield the app, with that server in its settings."""
    named = {"imitator": {"address": server.address, "kind": "higgs"}}
    with running_voice_app(
        tmp_path / "data", speech_servers=json.dumps(named)
    ) as running:
        yield running


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """Yield a page of a browser whose microphone hears a tone."""
    spoken = tmp_path / "spoken.wav"
    seconds = np.arange(RATE_HZ * 5) / RATE_HZ
    tone = 9000 * np.sin(2 * np.pi * PITCH_HZ * seconds)
    spoken.write_bytes(wav(tone.astype(np.int16)))
    with browser(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={spoken}",
    ) as running:
        context = running.new_context(locale="en-GB")
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        yield opened
        context.close()


def test_a_voice_is_recorded_heard_and_kept(
    page: Any, app: VoiceApp, server: SpeechServer
):
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{app.address}/voices")
    page.get_by_role("button", name="Make a voice", exact=True).click()
    page.get_by_role("button", name="From a recording").click()
    dialog = page.get_by_role("dialog", name="Make a voice")
    dialog.get_by_label("Engine").select_option("imitator")

    records_for_two_seconds(page)
    page.get_by_label("What is said in it, word for word").fill(TRANSCRIPT)
    page.get_by_label("Consent of whoever speaks").fill(CONSENT)
    page.get_by_role("button", name="Hear it").click()
    page.wait_for_function(
        f"{PREVIEW}.audio.currentTime > 0.2 && !{PREVIEW}.audio.paused"
    )
    page.get_by_label("Name", exact=True).fill("My own voice")
    page.get_by_role("button", name="Save", exact=True).click()

    page.locator("li.row").get_by_text("My own voice", exact=True).wait_for()
    [voice] = app.services.voices.all(LOCAL)
    assert isinstance(voice.recipe, Reference)
    assert voice.recipe.transcript == TRANSCRIPT
    assert voice.recipe.consent.statement == CONSENT
    assert pitch_hz(app.services.blobs.read(voice.recipe.clip)) == pytest.approx(
        PITCH_HZ, abs=3
    )
    imitates_the_recording(server, app.services.blobs.read(voice.recipe.clip))
    starts_anew_the_next_time(page)
    assert errors == []


def records_for_two_seconds(page: Any) -> None:
    """Record, and hear again what is kept."""
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("Recording. Speak now.").wait_for()
    page.wait_for_timeout(2000)  # so long somebody speaks
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("kept.").wait_for()
    kept = page.get_by_label("The recording")
    kept.wait_for()
    assert kept.evaluate("audio => audio.play().then(() => audio.duration)") > 1


def imitates_the_recording(server: SpeechServer, clip: bytes) -> None:
    """What is sent to the server is the recording, with its words."""
    [body] = server.bodies("/v1/audio/speech")
    assert body["ref_text"] == TRANSCRIPT
    assert base64.b64decode(body["ref_audio"].partition(",")[2]) == clip


def starts_anew_the_next_time(page: Any) -> None:
    """Another voice is not made of what the first was made of."""
    page.get_by_role("button", name="Make a voice", exact=True).click()
    page.get_by_role("button", name="From a recording").click()
    assert page.get_by_label("What is said in it, word for word").input_value() == ""
    assert page.get_by_label("Consent of whoever speaks").input_value() == ""
    page.get_by_role("button", name="Record", exact=True).wait_for()
    page.get_by_label("The recording").wait_for(state="hidden")
    page.get_by_role("button", name="Cancel").click()


def pitch_hz(clip: bytes) -> float:
    """Return the strongest frequency of a recording."""
    with wave.open(io.BytesIO(clip)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        rate_hz = file.getframerate()
    strength = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(strength.argmax() * rate_hz / len(samples))
