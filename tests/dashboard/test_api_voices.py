"""Voices over HTTP: heard before they are chosen, made, shared and taken away."""

import httpx
import pytest

from dashboard.backend import Backend
from lectern.accounts.people import LOCAL
from lectern.speech.custom_voices import Visibility
from lectern.speech.preview_texts import COUNTING, SENTENCES, preview_text
from resources.engines.opus import decode
from resources.services import Services
from tests.support.stores import OTHER
from tests.support.voices import BlendEngine, add_voice, clip, with_blend

MIX = {
    "name": "Anna",
    "engine": "blend",
    "language": "en",
    "recipe": {"kind": "mix", "weights": {"ada": 1, "bea": 3}},
}
CONSENT = {"statement": "I read this myself and agree.", "on": "2026-03-01"}


@pytest.fixture
def blend(services: Services) -> BlendEngine:
    """Return an engine for which voices can be made."""
    return with_blend(services)


def made(client: httpx.Client, **changes: object) -> dict:
    answer = client.post("/api/voices", json=MIX | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_voice_is_heard_in_its_own_language(client, services: Services):
    answer = client.get("/api/voices/preview.ogg", params={"voice": "espeak:de"})

    assert answer.headers["content-type"] == "audio/ogg"
    assert len(decode(answer.content)) > 48_000
    known = {"if-none-match": answer.headers["etag"]}
    again = client.get(
        "/api/voices/preview.ogg", params={"voice": "espeak:de"}, headers=known
    )
    assert again.status_code == 304


def test_an_unknown_voice_is_not_previewed(client, services: Services, blend):
    theirs = add_voice(services, principal=OTHER).voice_id

    for voice in ("espeak:klingon", theirs, ""):
        answer = client.get("/api/voices/preview.ogg", params={"voice": voice})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_voice")


def test_a_voice_heard_again_is_not_spoken_again(client, blend: BlendEngine):
    for _ in range(3):
        answer = client.get("/api/voices/preview.ogg", params={"voice": "blend:dirk"})
        assert answer.status_code == 200

    assert [text for text, _voice in blend.spoken] == [SENTENCES["de"]]


def test_a_mix_is_heard_before_it_is_kept(client, blend: BlendEngine):
    first = client.post("/api/voices/preview", json=MIX)
    other = client.post(
        "/api/voices/preview",
        json=MIX | {"recipe": {"kind": "mix", "weights": {"ada": 1}}},
    )

    assert first.status_code == other.status_code == 200
    assert first.content != other.content
    assert not [v for v in client.get("/api/voices").json() if "custom" in v]


def test_every_common_language_has_a_sentence_and_any_other_is_counted_in():
    common = (
        "ar bg bn cs da de el en es fa fi fr he hi hu id it ja ko ms nl no pl pt ro "
        "ru sv sw ta th tr uk ur vi zh"
    )

    assert set(common.split()) <= set(SENTENCES)
    assert preview_text("pt-BR") == SENTENCES["pt"]
    assert preview_text("cmn") == SENTENCES["zh"]
    assert preview_text("jbo") == COUNTING
    assert len(set(SENTENCES.values())) >= len(SENTENCES) - 1  # hr and sr may agree


def test_a_voice_is_made_changed_and_deleted_with_a_way_back(client, blend):
    voice = made(client)
    address = f"/api/voices/{voice['custom']}"

    assert client.get("/api/voices").json()[0]["id"] == voice["id"]
    assert client.patch(address, json={"name": "Bea"}).json()["name"] == "Bea"
    assert client.delete(address).status_code == 204
    assert client.patch(address, json={"name": "Cleo"}).status_code == 404
    assert client.post(f"{address}/restore").json()["name"] == "Bea"


def test_a_name_can_be_had_once(client, blend):
    made(client)
    answer = client.post("/api/voices", json=MIX)

    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": {"kind": "mix", "weights": {}}},
        {"recipe": {"kind": "mix", "weights": {"ada": -1}}},
        {"recipe": {"kind": "mix", "weights": {"nobody": 1}}},
        {"recipe": {"kind": "tensor"}},
        {"language": "de"},
        {"engine": "espeak"},
        {"engine": "nothing"},
        {"name": " "},
        {"owner_id": "somebody-else"},
    ],
)
def test_what_cannot_be_a_voice_is_refused(client, blend, changes):
    answer = client.post("/api/voices", json=MIX | changes)

    assert answer.status_code in (400, 422, 502)
    assert answer.json()["message"]


def test_a_reference_is_made_of_ones_own_recording(client, services: Services, blend):
    taken = client.post("/api/voices/clips", content=clip(2.0))
    assert taken.status_code == 201
    assert taken.json()["duration_ms"] == 2000
    recipe = {
        "kind": "reference",
        "clip": taken.json()["clip"],
        "transcript": "The boats lay still.",
        "consent": CONSENT,
    }

    voice = made(client, recipe=recipe)
    heard = client.get(f"/api/voices/clips/{recipe['clip']}.wav")
    foreign = client.get(f"/api/voices/clips/{services.blobs.put(b'other')}.wav")

    assert voice["kind"] == "reference"
    assert heard.content[:4] == b"RIFF"
    assert foreign.status_code == 404
    without = {name: value for name, value in recipe.items() if name != "consent"}
    assert client.post("/api/voices", json=MIX | {"recipe": without}).is_client_error


def test_a_prompt_is_made_of_a_scene(client, blend: BlendEngine):
    recipe = {"kind": "prompt", "scene": "A calm reader.", "voice": "ada"}

    voice = made(client, recipe=recipe)
    client.get("/api/voices/preview.ogg", params={"voice": voice["id"]})

    _text, spoken_by = blend.spoken[-1]
    assert spoken_by.parameters["scene"] == "A calm reader."
    assert spoken_by.parameters["seed"] == "42"


def test_a_voice_leaves_and_comes_back_as_a_file(client, blend):
    voice = made(client, name="Zoë")
    sent = client.get(f"/api/voices/{voice['custom']}/archive")

    assert sent.headers["content-disposition"].endswith("zo%C3%AB.lecternvoice")
    taken = client.post("/api/voices/archives", content=sent.content)
    assert (taken.status_code, taken.json()["name"]) == (201, "Zoë 2")
    refused = client.post("/api/voices/archives", content=sent.content[:-9])
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_archive")


def test_a_link_is_told_once_and_taken_back(client, services: Services, blend):
    theirs = add_voice(services, principal=OTHER)
    link, token = services.voice_links.make(OTHER, theirs.id)
    accepted = client.post("/api/voices/accept", json={"token": token})

    assert accepted.json()["id"] == theirs.voice_id
    assert "recipe" not in accepted.json()
    assert client.get(f"/api/voices/{theirs.id}/archive").status_code == 404
    assert client.get(f"/api/voices/{theirs.id}/links").status_code == 404
    services.voice_links.revoke(OTHER, theirs.id, link.id)
    assert theirs.voice_id not in {v["id"] for v in client.get("/api/voices").json()}

    mine = f"/api/voices/{made(client)['custom']}/links"
    new = client.post(mine).json()
    assert new["path"].startswith("/voices#accept=")
    assert "token" not in client.get(mine).json()[0]
    assert client.delete(f"{mine}/{new['id']}").status_code == 204
    assert client.get(mine).json() == []


def test_a_public_voice_is_there_for_all_and_can_be_taken_away(
    client, services: Services, blend
):
    theirs = add_voice(services, principal=OTHER)
    services.voices.set_visibility(OTHER, theirs.id, Visibility.PUBLIC)

    [shown] = [v for v in client.get("/api/voices").json() if "custom" in v]
    assert (shown["own"], shown["visibility"]) == (False, "public")
    assert client.get(f"/api/voices/{theirs.id}/archive").status_code == 200
    answer = client.put(
        f"/api/voices/{theirs.id}/visibility", json={"visibility": "private"}
    )
    assert answer.status_code == 404


def test_defaults_and_favourites_are_kept(client, here: Backend, blend):
    voice = made(client)["id"]
    wrong = client.put("/api/voices/default", json={"language": "de", "voice": voice})
    assert wrong.status_code == 400

    client.put("/api/voices/default", json={"language": "en-gb", "voice": voice})
    client.put("/api/voices/favourite", json={"voice": voice, "favourite": True})

    [shown] = [v for v in client.get("/api/voices").json() if v["id"] == voice]
    assert shown["default"]
    assert shown["favourite"]
    engines = here.services.speech_engines()
    assert engines.default_voice("en", LOCAL).id == voice
    client.put("/api/voices/default", json={"language": "en", "voice": None})
    assert engines.default_voice("en", LOCAL).engine == "espeak"


def test_a_stale_voice_is_shown_and_made_anew(client, blend: BlendEngine):
    voice = made(client)
    blend.version = "2"
    [shown] = [v for v in client.get("/api/voices").json() if v["id"] == voice["id"]]

    assert shown["stale"]
    renewed = client.post(f"/api/voices/{voice['custom']}/renew").json()
    assert not renewed["stale"]


def test_engines_tell_what_can_be_made_for_them(client, blend):
    engines = {
        one["name"]: one for one in client.get("/api/voices/engines").json()["engines"]
    }

    assert engines["espeak"]["kinds"] == []
    assert engines["blend"]["kinds"] == ["mix", "prompt", "reference"]
    assert {"voice": "ada", "name": "Ada", "language": "en-us"} in engines["blend"][
        "parts"
    ]
