"""Which environments there are here, and which engine lives where."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lectern.accounts.people import LOCAL
from lectern.environments import LIGHT
from lectern.errors import EngineBusy, EngineUnavailable
from lectern.jobs.states import JobKind
from lectern.settings import Environment, Kokoro, Mistral, Settings
from lectern.settings import SpeechServer as ServerSettings
from resources.engines.openai_speech_client import Reply
from resources.engines.openai_speech_elsewhere import ElsewhereClient
from resources.engines.resident import resident_pids
from resources.engines.speech import SpeechEngine
from resources.engines.voices import SpeechEngines
from resources.environments import (
    environment_of_speech,
    in_use,
    installed,
    left_out,
    python_of,
    record_served,
    served,
)
from resources.placement import place_of
from resources.run_folder import socket_folder
from resources.services import Services
from tests.support import speech_server_faults as faults
from tests.support.environments import borrowed, empty
from tests.support.speech import add_document
from tests.support.speech_server import SpeechServer

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    """Yield a speech server that is running."""
    with SpeechServer().running() as running:
        yield running


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process lack what API engines need, as the light environment does."""
    for name in ("openai", "mistralai"):
        monkeypatch.setitem(sys.modules, name, None)


def with_server(settings: Settings, address: str = NOWHERE) -> Settings:
    """Return settings in whose light environment a speech server is served apart."""
    stated = {"alto": "en"} if address == NOWHERE else {}
    server = ServerSettings(address=address, voices=stated)
    found = settings.model_copy(update={"speech_servers": {"box": server}})
    found.root.mkdir(parents=True, exist_ok=True)
    return found


# -- what is here ----------------------------------------------------------


def test_an_environment_is_in_use_once_an_engine_of_it_is_configured(
    settings: Settings,
) -> None:
    kokoro = settings.model_copy(update={"kokoro": Kokoro(model="/models/kokoro")})
    reads = settings.model_copy(update={"mistral": Mistral(api_key="k")})

    assert in_use(settings) == []
    assert in_use(kokoro) == ["kokoro"]
    assert in_use(reads) == in_use(with_server(settings)) == ["api"]


def test_an_interpreter_without_lectern_is_no_environment(
    settings: Settings, tmp_path: Path
) -> None:
    """As `make kokoro` builds it: enough for Kokoro's process, not for runs."""
    python = empty(tmp_path / "venv")
    named = {"kokoro": Environment(python=python)}
    settings = settings.model_copy(update={"environments": named})

    assert installed(settings) == {}
    [line] = left_out(settings)
    assert f"{python} lacks pipelines, torch, kokoro" in line
    assert "make environment NAME=kokoro" in line


def test_an_interpreter_with_all_it_needs_is_one(
    settings: Settings, tmp_path: Path
) -> None:
    python = borrowed(tmp_path / "venv")
    named = {"api": Environment(python=python)}
    settings = settings.model_copy(update={"environments": named})

    assert installed(settings) == {"api": python}
    assert left_out(settings) == []


def test_a_python_that_is_not_there_is_told(settings: Settings, tmp_path: Path) -> None:
    named = {"api": Environment(python=tmp_path / "none" / "python")}

    [line] = left_out(settings.model_copy(update={"environments": named}))

    assert f"there is no Python at {tmp_path / 'none' / 'python'}" in line


def test_without_a_word_an_environment_is_looked_for_beside_lectern(
    settings: Settings,
) -> None:
    root = Path(__file__).resolve().parents[2]

    assert python_of(settings, "kokoro") == root / ".venv-kokoro" / "bin" / "python"
    assert python_of(settings, LIGHT) == Path(sys.executable)


def test_an_environment_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no environment 'whispr'"):
        Settings(_env_file=None, environments={"whispr": {"python": "/x"}})


# -- where a job goes ------------------------------------------------------


@pytest.mark.parametrize("is_served", [True, False])
def test_a_job_goes_to_the_environment_of_its_voice_where_it_is_served(
    settings: Settings, is_served: bool
) -> None:
    settings = with_server(settings)
    if is_served:
        record_served(settings, {"api": Path(sys.executable)})
    services = Services.open(settings)
    document = add_document(services, ["Some words."], title="T")
    found = {}
    for voice in ("espeak:en-gb", "box:alto"):
        job = services.jobs.create(
            LOCAL,
            document_id=document.id,
            kind=JobKind.RENDER,
            parameters={"voice": voice},
        )
        found[voice] = place_of(services, job).environment

    assert found == {"espeak:en-gb": LIGHT, "box:alto": "api" if is_served else LIGHT}


@pytest.mark.parametrize(
    ("recogniser", "goes_to"), [("local", LIGHT), ("mistral", "api")]
)
def test_reading_goes_to_the_environment_of_its_recogniser(
    settings: Settings, recogniser: str, goes_to: str
) -> None:
    settings = with_server(settings).model_copy(
        update={"mistral": Mistral(api_key="k")}
    )
    record_served(settings, {"api": Path(sys.executable)})
    services = Services.open(settings)
    document = add_document(services, ["Some words."], title="T")
    job = services.jobs.create(
        LOCAL,
        document_id=document.id,
        kind=JobKind.PREPARE,
        parameters={"recogniser": recogniser},
    )

    assert place_of(services, job).environment == goes_to


def test_every_engine_has_one_environment(settings: Settings) -> None:
    settings = with_server(settings)

    homes = {
        name: environment_of_speech(settings, name)
        for name in ("espeak", "kokoro", "box")
    }

    assert homes == {"espeak": LIGHT, "kokoro": "kokoro", "box": "api"}


def test_where_nothing_was_served_nothing_is_elsewhere(settings: Settings) -> None:
    assert served(settings) == {}


# -- the web app without the library ---------------------------------------


def test_without_library_and_environment_the_engine_says_what_to_install(
    settings: Settings, without_library: None
) -> None:
    with pytest.raises(EngineUnavailable, match=r"lectern\[openai\]"):
        SpeechEngines(with_server(settings)).engine("box")


@pytest.fixture
def apart(settings: Settings, tmp_path: Path) -> Settings:
    """Return settings of an installation that serves the environment “api”."""
    settings.root.mkdir(parents=True)
    record_served(settings, {"api": borrowed(tmp_path / "venv")})
    return settings


@pytest.fixture
def engine(
    apart: Settings, server: SpeechServer, without_library: None
) -> Iterator[SpeechEngine]:
    """Yield an engine whose library only the environment has."""
    stated = {"box": ServerSettings(address=server.address, api_key="right")}
    server.api_key = "right"
    engines = SpeechEngines(apart.model_copy(update={"speech_servers": stated}))
    yield engines.engine("box")
    for pid in resident_pids(socket_folder(apart.root)):
        os.kill(pid, signal.SIGTERM)


def test_an_engine_of_another_environment_speaks_here_too(
    engine: SpeechEngine, server: SpeechServer
) -> None:
    """For a preview, or for one sentence in another language."""
    voices = [voice.id for voice in engine.voices()]
    speech = engine.synthesise("The harbour lay quiet.", engine.voices()[0])

    assert voices == ["box:alto", "box:basso"]
    assert len(speech.samples) > speech.rate_hz
    assert server.texts() == ["The harbour lay quiet."]
    assert "openai" not in {name for name, one in sys.modules.items() if one}


def test_what_goes_wrong_in_another_environment_is_told_as_it_is(
    engine: SpeechEngine, server: SpeechServer
) -> None:
    voice = engine.voices()[0]

    server.api_key = "another"
    with pytest.raises(EngineUnavailable, match="refuses the key"):
        engine.synthesise("The harbour lay quiet.", voice)
    server.api_key, server.fault = "right", faults.Busy(retry_after="7")
    with pytest.raises(EngineBusy) as refused:
        engine.synthesise("The harbour lay quiet.", voice)
    assert refused.value.retry_after_seconds == 7


def test_a_batch_is_told_text_by_text(
    apart: Settings, server: SpeechServer, without_library: None
) -> None:
    stated = ServerSettings(address=server.address, batch_texts=2)
    client = ElsewhereClient(
        "box",
        stated,
        python=served(apart)["api"],
        root=apart.root,
        folder=socket_folder(apart.root),
    )

    replies = client.speak_batch(["One.", "Two."], {"voice": "alto", "model": "tone-1"})

    assert [type(reply) for reply in replies] == [Reply, Reply]
    for pid in resident_pids(socket_folder(apart.root)):
        os.kill(pid, signal.SIGTERM)


def test_the_key_is_on_no_command_line(apart: Settings) -> None:
    server = ServerSettings(address=NOWHERE, api_key="secret-key")
    client = ElsewhereClient(
        "box", server, python=Path("/p"), root=apart.root, folder=apart.root
    )

    assert "secret-key" not in repr(client._resident.command)
    assert "secret-key" in client._resident.environment["LECTERN_SPEECH_SERVERS"]
