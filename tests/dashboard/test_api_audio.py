"""Sounds: theirs alone, in ranges, kept for ever."""

import pytest

from resources.services import Services
from tests.support.library import SOMEBODY_ELSE, ready_document, voice_block

VOICE = "espeak:en-gb"
SOUND = b"OggS" + bytes(range(200)) * 5


@pytest.fixture
def key(services: Services) -> str:
    return voice_block(
        services, ready_document(services), 1, voice_id=VOICE, sound=SOUND
    )


def test_a_sound_is_sent_to_be_kept_for_ever(client, key):
    answer = client.get(f"/api/audio/{key}.ogg")

    assert answer.content == SOUND
    assert answer.headers["content-type"] == "audio/ogg"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert "content-encoding" not in answer.headers


def test_a_part_of_a_sound_is_sent(client, key):
    answer = client.get(f"/api/audio/{key}.ogg", headers={"range": "bytes=4-9"})

    assert answer.status_code == 206
    assert answer.content == SOUND[4:10]
    assert answer.headers["content-range"] == f"bytes 4-9/{len(SOUND)}"


def test_a_part_past_the_end_is_refused(client, key):
    answer = client.get(f"/api/audio/{key}.ogg", headers={"range": "bytes=9999-"})

    assert answer.status_code == 416


def test_a_sound_that_is_held_already_is_not_sent_again(client, key):
    etag = client.get(f"/api/audio/{key}.ogg").headers["etag"]

    answer = client.get(f"/api/audio/{key}.ogg", headers={"if-none-match": etag})

    assert (answer.status_code, answer.content) == (304, b"")


def test_word_times_come_with_the_sound(client, key):
    answer = client.get(f"/api/audio/{key}.json")

    assert answer.json() == {
        "words": [[0, 3, 0, 400], [4, 9, 400, 1500]],
        "duration_ms": 1500,
    }
    again = client.get(
        f"/api/audio/{key}.json", headers={"if-none-match": answer.headers["etag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["0" * 64, "a", "..%2f..%2fsecret", "Z" * 64])
def test_a_sound_nobody_made_is_not_found(client, name):
    assert client.get(f"/api/audio/{name}.ogg").status_code == 404


def test_another_persons_sound_is_not_found(client, services: Services):
    theirs = ready_document(services, principal=SOMEBODY_ELSE)
    key = voice_block(services, theirs, 0, voice_id=VOICE, sound=b"OggS theirs")

    assert client.get(f"/api/audio/{key}.ogg").status_code == 404
    assert client.get(f"/api/audio/{key}.json").status_code == 404


def test_a_sound_whose_file_is_lost_says_so(client, services: Services, key):
    services.blobs.path(key).unlink()

    answer = client.get(f"/api/audio/{key}.ogg")

    assert answer.status_code == 500
    assert answer.json()["code"] == "blob_missing"
