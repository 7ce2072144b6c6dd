"""Programs speak through Lectern as they would through OpenAI, with its own client."""

import base64
import io
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import av
import httpx
import numpy as np
import openai
import pytest
from pydantic import SecretStr

from dashboard import backend
from dashboard.api import openai_api
from dashboard.backend import Backend
from lectern.accounts.people import LOCAL
from lectern.accounts.tokens import Scope
from lectern.documents.splitting import cut
from lectern.settings import Higgs, Settings, SpeechServer
from lectern.speech.custom_voices import Prompt
from lectern.usage.events import EventKind
from resources.engines.higgs_native import HiggsNativeEngine
from resources.engines.openai_speech import OpenAISpeechEngine
from resources.engines.resident import resident_pids
from resources.engines.sentences import SpacySentences
from resources.loose_texts import blocks_of
from resources.saying import say_text
from resources.services import Services
from resources.stores.sweep import sweep
from resources.texts import text_of
from tests.support.pool import wait_for
from tests.support.speech import ToneEngine, add_document, sentence
from tests.support.stores import OTHER, Clock, let_days_pass
from tests.support.voices import add_voice, with_blend

TONE_PROGRAM = Path(__file__).parents[1] / "support" / "higgs_tone.py"
SHORT = "The harbour lay quiet under a pale morning."
LONG = "\n\n".join(
    " ".join(sentence(10 * part + line) for line in range(6)) for part in range(4)
)
"""Four blocks or more."""


@pytest.fixture
def secret(services: Services) -> str:
    _, secret = services.tokens.make(
        LOCAL, name="test", scopes=(Scope.SPEECH, Scope.VOICES)
    )
    return secret


@pytest.fixture
def ai(here: Backend, served: str, secret: str) -> Iterator[openai.OpenAI]:
    """Yield the official client, pointed at us; nothing is being spoken afterwards."""
    with openai.OpenAI(
        api_key=secret, base_url=f"{served}/v1", max_retries=0, timeout=30
    ) as client:
        yield client
    wait_for(lambda: openai_api.speaking.now == 0)


@pytest.fixture
def tone(services: Services) -> ToneEngine:
    engine = ToneEngine(seconds=3.0)
    services.speech_engines().add(engine)
    return engine


def seconds_of(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as container:
        return sum(f.samples / f.sample_rate for f in container.decode(audio=0))


def events_of(services: Services, kind: EventKind) -> list[dict]:
    return [e.payload for e in services.outbox.pending() if e.kind is kind]


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("mp3", b"\xff\xf3"),
        ("opus", b"OggS"),
        ("aac", b"\xff\xf1"),
        ("flac", b"fLaC"),
        ("wav", b"RIFF"),
    ],
)
def test_the_official_client_hears_every_form(ai: openai.OpenAI, form, start):
    reply = ai.audio.speech.create(
        model="tts-1", voice="espeak:en-gb", input=SHORT, response_format=form
    )

    assert reply.content.startswith(start)
    assert 1.5 < seconds_of(reply.content) < 6


def test_pcm_is_24_khz_samples(ai: openai.OpenAI):
    reply = ai.audio.speech.create(
        model="lectern", voice="en-gb", input=SHORT, response_format="pcm"
    )

    samples = np.frombuffer(reply.content, "<i2")
    assert reply.response.headers["content-type"] == "audio/pcm"
    assert 1.5 < len(samples) / 24_000 < 6
    assert np.abs(samples).max() > 1000


def test_a_text_spoken_twice_is_made_once_whatever_its_form_and_speed(
    ai: openai.OpenAI, services: Services, tone: ToneEngine
):
    for form, speed in (("mp3", 1.0), ("opus", 1.0), ("wav", 2.0)):
        ai.audio.speech.create(
            model="tone", voice="Tone", input=LONG, response_format=form, speed=speed
        )

    blocks = len(blocks_of(LONG, language="en"))
    assert blocks >= 4
    assert len(tone.texts) == blocks
    made = events_of(services, EventKind.SYNTHESISED)
    served = events_of(services, EventKind.SERVED)
    assert len(made) == blocks
    assert [e["outcome"] for e in served] == ["synthesised"] * blocks + ["replayed"] * (
        2 * blocks
    )
    assert {e.owner_id for e in services.outbox.pending()} == {"local"}


def test_a_block_of_a_document_is_found_and_not_made_again(
    ai: openai.OpenAI, services: Services, tone: ToneEngine
):
    document = add_document(services, [SHORT])
    text = text_of(services, document)
    assert text is not None
    voicing = services.voicing()
    voice = services.speech_engines().voice("tone:en")
    voicing.voice(LOCAL, voicing.reading(document, text.blocks, voice=voice), [0])

    ai.audio.speech.create(model="tone", voice="tone:en", input=SHORT)

    assert tone.texts == [SHORT]


def test_speed_keeps_the_pitch_and_changes_the_length(
    ai: openai.OpenAI, tone: ToneEngine
):
    def seconds(speed: float) -> float:
        reply = ai.audio.speech.create(
            model="tone",
            voice="Tone",
            input=LONG,
            response_format="pcm",
            speed=speed,
        )
        return len(reply.content) / 48_000

    plain = seconds(1.0)

    assert seconds(2.0) == pytest.approx(plain / 2, rel=0.05)
    assert seconds(0.25) == pytest.approx(plain * 4, rel=0.05)


def test_the_first_block_is_heard_while_the_others_are_being_spoken(
    ai: openai.OpenAI, services: Services
):
    gate = threading.Event()
    engine = OneThenWait(gate)
    services.speech_engines().add(engine)

    with ai.audio.speech.with_streaming_response.create(
        model="tone", voice="Tone", input=LONG, response_format="pcm"
    ) as reply:
        chunks = reply.iter_bytes(4096)
        first = next(chunks)
        said_by_then = len(engine.texts)
        gate.set()
        rest = b"".join(chunks)

    assert first
    assert said_by_then < len(blocks_of(LONG, language="en"))
    assert len(rest) > 3 * len(first)


def test_server_sent_events_carry_the_same_sound(
    ai: openai.OpenAI, served: str, secret: str, tone: ToneEngine
):
    plain = ai.audio.speech.create(
        model="tone", voice="Tone", input=LONG, response_format="pcm"
    ).content

    with ai.audio.speech.with_streaming_response.create(
        model="tone",
        voice="Tone",
        input=LONG,
        response_format="pcm",
        stream_format="sse",
    ) as reply:
        lines = [line for line in reply.iter_lines() if line]

    assert reply.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    *deltas, done = events
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(e["audio"]) for e in deltas) == plain
    assert done["type"] == "speech.audio.done"
    assert done["usage"]["input_tokens"] == pytest.approx(len(LONG), abs=20)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer lct_" + "x" * 43},
        {"authorization": "Basic bG9jYWw6"},
        {"authorization": "Bearer"},
        {"cookie": "session=1", "origin": "http://evil.example"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "audio/speech"), ("GET", "audio/voices"), ("GET", "models")],
)
def test_nobody_gets_in_without_a_token(here, served, headers, method, path):
    answer = httpx.request(method, f"{served}/v1/{path}", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_opens_only_what_it_allows(here, services: Services, served: str):
    _, secret = services.tokens.make(LOCAL, name="list", scopes=(Scope.VOICES,))
    bearer = {"authorization": f"Bearer {secret}"}

    assert httpx.get(f"{served}/v1/audio/voices", headers=bearer).status_code == 200
    refused = httpx.post(
        f"{served}/v1/audio/speech", headers=bearer, json={"input": SHORT}
    )
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "missing_scope"
    for path in ("/api/documents/x/render", "/api/texts", "/api/uploads"):
        elsewhere = httpx.post(
            f"{served}{path}", headers={**bearer, "origin": "http://evil.example"}
        )
        assert elsewhere.status_code == 403


def test_a_revoked_token_is_refused_at_once(ai: openai.OpenAI, services: Services):
    ai.models.list()
    services.tokens.revoke(LOCAL, services.tokens.list(LOCAL)[0].id)

    with pytest.raises(openai.AuthenticationError, match="API token"):
        ai.models.list()


def test_another_sites_page_is_allowed_nothing(here, served: str, secret: str):
    headers = {
        "origin": "http://evil.example",
        "authorization": f"Bearer {secret}",
        "access-control-request-method": "POST",
    }
    asked = httpx.options(f"{served}/v1/audio/speech", headers=headers)
    spoken = httpx.get(f"{served}/v1/models", headers=headers)

    assert asked.status_code in (404, 405)
    for answer in (asked, spoken):
        assert not [n for n in answer.headers if n.startswith("access-control")]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"speed": 5}, "speed"),
        ({"speed": 0.1}, "speed"),
        ({"response_format": "doc"}, "response_format"),
        ({"voice": {"id": ""}}, None),
        ({"stream_format": "smoke"}, "stream_format"),
        ({"voice": "espeak:nobody"}, "voice"),
        ({"voice": "alloy"}, "voice"),
        ({"nonsense": 1}, "nonsense"),
        ({"input": "* * *\n\n---"}, None),
        ({"model": "tone", "voice": "espeak:en-gb"}, "voice"),
    ],
)
def test_what_makes_no_sense_is_refused_in_openais_words(
    ai: openai.OpenAI, tone: ToneEngine, change, param
):
    body = {"model": "lectern", "voice": "espeak:en-gb", "input": SHORT} | change

    with pytest.raises(openai.BadRequestError) as caught:
        ai.post("/audio/speech", body=body, cast_to=httpx.Response)

    error = caught.value
    assert error.type == "invalid_request_error"
    assert error.code
    if param is not None:
        assert error.param == param


def test_an_unknown_model_is_not_found(ai: openai.OpenAI):
    with pytest.raises(openai.NotFoundError, match=r"lectern, tts-1, espeak"):
        ai.audio.speech.create(model="gpt-9", voice="en-gb", input=SHORT)


def test_an_unknown_address_is_answered_in_openais_words(here, served: str):
    answer = httpx.get(f"{served}/v1/chat/completions")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_url"


def test_voices_are_found_by_every_name_they_have(
    ai: openai.OpenAI, here: Backend, tone: ToneEngine
):
    api = here.settings.api.model_copy(update={"voices": {"alloy": "tone:en"}})
    settings = here.settings.model_copy(update={"api": api})
    backend.install(Backend(settings, here.services, here.orchestrator))
    names: list = ["alloy", "tone:en", "TONE", "en", {"id": "tone:en"}]
    for number, name in enumerate(names):
        model = "tone" if name == "en" else "tts-1"
        ai.audio.speech.create(model=model, voice=name, input=f"Number {number}.")

    assert tone.texts == [f"Number {number}." for number in range(5)]


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("harber voice", "custom:"),  # by the name that its maker gave it
        ("espeak:en-bg", "espeak:en-gb"),
        ("german", "espeak:de (German)"),
        ("tne", "tone:en (Tone)"),
    ],
)
def test_a_misspelt_voice_is_told_those_that_it_may_mean(
    ai: openai.OpenAI, services: Services, tone: ToneEngine, asked: str, nearest: str
):
    with_blend(services)
    add_voice(services, "Harbour voice")

    with pytest.raises(openai.BadRequestError) as caught:
        ai.audio.speech.create(model="lectern", voice=asked + "x", input=SHORT)

    assert caught.value.code == "unknown_voice"
    first, *others = str(caught.value).partition("nearest are: ")[2].split("; ")
    assert first.startswith(nearest)
    assert len(others) == 4


def test_the_default_voice_reads_the_language_of_the_text(
    ai: openai.OpenAI, services: Services
):
    ai.audio.speech.create(
        model="tts-1",
        voice="default",
        input="Der Hafen lag still unter einem blassen Morgen, und niemand sprach.",
    )

    [served] = events_of(services, EventKind.SERVED)
    assert served["voice"].startswith("espeak:de")


def test_voices_and_models_are_listed(ai: openai.OpenAI, tone: ToneEngine):
    listed = ai.get("/audio/voices", cast_to=httpx.Response).json()
    models = [model.id for model in ai.models.list()]

    assert {"espeak:en-gb", "tone:en"} <= {voice["id"] for voice in listed["voices"]}
    assert {"lectern", "tts-1", "espeak", "tone"} == set(models)


def test_a_heavy_engine_speaks_for_programs_from_its_own_process(
    ai: openai.OpenAI, services: Services, tmp_path: Path
):
    (tmp_path / "model").mkdir()
    for name in ("config.json", "chat_template.jinja"):
        (tmp_path / "model" / name).write_text("{}")
    settings, run = Higgs(folder=tmp_path / "model"), tmp_path / "run"
    engine = HiggsNativeEngine(settings, tmp_path, run, program=TONE_PROGRAM)
    services.speech_engines().add(engine)
    scene = Prompt("A calm reader in a small room.", "")
    add_voice(services, "Calm", engine=engine.name, recipe=scene)
    try:
        reply = ai.audio.speech.create(
            model="higgs-native", voice="Calm", input=SHORT, response_format="wav"
        )
        listed = ai.get("/audio/voices", cast_to=httpx.Response).json()
        assert len(resident_pids(run)) == 1
    finally:
        for pid in resident_pids(run):
            os.kill(pid, signal.SIGTERM)

    assert 1.5 < seconds_of(reply.content) < 6
    assert "Calm" in {voice["name"] for voice in listed["voices"]}


def test_our_own_engine_for_such_servers_speaks_through_us(
    here, served: str, secret: str
):
    server = SpeechServer(
        address=f"{served}/v1",
        api_key=SecretStr(secret),
        model="espeak",
        price_micros_per_million_chars=0,
    )
    engine = OpenAISpeechEngine("lectern", server)

    voice = next(v for v in engine.voices() if v.parameters["voice"] == "espeak:en-gb")
    short = engine.synthesise(SHORT, voice)
    long = engine.synthesise(LONG, voice)

    assert 1.5 < len(short.samples) / short.rate_hz < 6
    assert len(long.samples) / long.rate_hz > 20
    engine.close()


def test_more_requests_than_may_be_are_told_to_come_back(
    ai: openai.OpenAI, here: Backend, services: Services, served: str, secret: str
):
    gate = threading.Event()
    services.speech_engines().add(ToneEngine(gate=gate, seconds=3.0))
    most = here.settings.api.parallel_requests
    begun = [
        in_thread(
            lambda n=n: ai.audio.speech.create(
                model="tone", voice="Tone", input=f"Waiting {n}."
            )
        )
        for n in range(most)
    ]
    wait_for(lambda: openai_api.speaking.now == most)

    answer = httpx.post(
        f"{served}/v1/audio/speech",
        headers={"authorization": f"Bearer {secret}"},
        json={"model": "tone", "voice": "Tone", "input": "One more."},
    )
    gate.set()
    for thread in begun:
        thread.join(20)

    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"
    assert int(answer.headers["retry-after"]) >= 1


def test_a_client_that_hangs_up_stops_the_work(
    ai: openai.OpenAI, services: Services, served: str, secret: str
):
    gate = threading.Event()
    engine = OneThenWait(gate)
    services.speech_engines().add(engine)
    blocks = len(blocks_of(LONG, language="en"))

    with ai.audio.speech.with_streaming_response.create(
        model="tone", voice="Tone", input=LONG, response_format="pcm"
    ) as reply:
        next(reply.iter_bytes(1024))
    gate.set()
    wait_for(lambda: openai_api.speaking.now == 0)
    wait_for(lambda: not any(t.name == "saying" for t in threading.enumerate()))

    assert len(engine.texts) < blocks
    # What was begun is kept, nothing is left claimed, and it can be asked again.
    reply = ai.audio.speech.create(
        model="tone", voice="Tone", input=LONG, response_format="pcm"
    )
    assert len(reply.content) / 48_000 > 0.9 * blocks
    assert sorted(set(engine.texts)) == sorted(engine.texts)


def test_a_client_that_hangs_up_before_the_first_sound_stops_the_work_too(
    here, services: Services, served: str, secret: str
):
    gate = threading.Event()
    services.speech_engines().add(ToneEngine(gate=gate, seconds=3.0))
    host, _, port = served.removeprefix("http://").partition(":")
    body = json.dumps({"model": "tone", "voice": "Tone", "input": LONG}).encode()
    with socket.create_connection((host, int(port))) as line:
        line.sendall(
            b"POST /v1/audio/speech HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            + f"authorization: Bearer {secret}\r\n".encode()
            + f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        wait_for(lambda: openai_api.speaking.now == 1)
    wait_for(lambda: openai_api.speaking.now == 0)
    gate.set()
    wait_for(lambda: not any(t.name == "saying" for t in threading.enumerate()))


def test_an_engine_that_fails_is_told_and_nothing_is_paid_twice(
    ai: openai.OpenAI, services: Services, tone: ToneEngine
):
    tone.crashes_on = {SHORT}
    with pytest.raises(openai.InternalServerError) as caught:
        ai.audio.speech.create(model="tone", voice="Tone", input=SHORT)
    assert caught.value.code == "engine_crashed"
    assert caught.value.status_code == 502
    assert events_of(services, EventKind.SERVED) == []

    tone.crashes_on = set()
    assert ai.audio.speech.create(model="tone", voice="Tone", input=SHORT).content


def test_an_engine_that_fails_in_the_middle_breaks_the_sound_off(
    ai: openai.OpenAI, tone: ToneEngine
):
    tone.crashes_on = {"Line 35"}

    def hear_all() -> None:
        with ai.audio.speech.with_streaming_response.create(
            model="tone", voice="Tone", input=LONG, response_format="pcm"
        ) as reply:
            for _ in reply.iter_bytes():
                pass

    with pytest.raises(Exception, match="incomplete chunked read"):
        hear_all()

    with ai.audio.speech.with_streaming_response.create(
        model="tone",
        voice="Tone",
        input=LONG,
        response_format="pcm",
        stream_format="sse",
    ) as reply:
        last = [line for line in reply.iter_lines() if line][-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "engine_crashed"


def test_the_app_answers_others_while_it_speaks(
    ai: openai.OpenAI, services: Services, served: str
):
    gate = threading.Event()
    services.speech_engines().add(ToneEngine(gate=gate, seconds=3.0))
    speaking = in_thread(
        lambda: ai.audio.speech.create(model="tone", voice="Tone", input=LONG)
    )
    wait_for(lambda: openai_api.speaking.now == 1)

    answers = [httpx.get(f"{served}/live", timeout=60) for _ in range(5)]

    assert not gate.is_set()  # what is spoken has waited all that time
    gate.set()
    speaking.join(60)
    assert [answer.status_code for answer in answers] == [200] * 5


def test_sounds_made_for_programs_are_swept_after_some_days_unless_asked_again(
    settings: Settings,
):
    clock = Clock()
    timed = Services.open(settings, clock=clock)
    timed.speech_engines().add(ToneEngine(seconds=3.0))
    voice = timed.speech_engines().voice("tone:en")

    def heard(text: str) -> int:
        saying = say_text(timed, OTHER, text, voice=voice)
        return len(list(saying.sounds(threading.Event())))

    assert heard("First.") + heard("Second.") == 2
    clock.pass_(timedelta(days=5).total_seconds())
    assert sweep(timed, grace=timedelta(0), dry_run=True).variants == 0
    heard("Second.")
    clock.pass_(timedelta(days=3).total_seconds())
    assert sweep(timed, grace=timedelta(0)).variants == 1
    let_days_pass(timed, clock, 5)
    assert sweep(timed, grace=timedelta(0)).variants == 1
    timed.close()


def test_a_text_is_cut_as_the_same_text_of_a_document_is():
    paragraph = " ".join(sentence(number) for number in range(40))
    [starts] = SpacySentences().starts([paragraph], language="en")
    blocks = blocks_of(paragraph, language="en")

    assert [b.shown for b in blocks] == [
        paragraph[a:b] for a, b in cut(paragraph, starts)
    ]


class OneThenWait(ToneEngine):
    """Speaks one text, and the others only when the gate opens."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__(seconds=3.0)
        self._opened = gate
        self._lock = threading.Lock()
        self._asked = 0

    def synthesise(self, text, voice, *, context=()):
        with self._lock:
            self._asked += 1
            is_first = self._asked == 1
        if not is_first:
            self._opened.wait(20)
        return super().synthesise(text, voice, context=context)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread
