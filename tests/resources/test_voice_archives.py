"""Voices as files: what goes out comes in again, and nothing else gets in."""

import contextlib
import hashlib
import io
import json
import re
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from lectern.accounts.limits import Limits
from lectern.accounts.people import LOCAL
from lectern.errors import (
    BadArchive,
    ClipTooLong,
    DamagedFile,
    EngineUnavailable,
    FileTooLarge,
    InflatesTooMuch,
    InvalidRequest,
    NotFound,
    NothingToRead,
)
from lectern.speech.custom_voices import Mode, Visibility
from lectern.speech.voice_contracts import NewVoice, VoiceChange, body_of
from resources.engines.clips import take_clip
from resources.services import Services
from resources.voice_archives import check_tensor, read_archive, write_archive
from tests.support.stores import OTHER
from tests.support.voices import (
    CONSENT,
    MIX,
    SCENE,
    add_voice,
    clip,
    reference,
    with_blend,
)

LIMIT = 4 * 1024 * 1024
TENSOR = save(
    {"voice": np.linspace(-1, 1, 510 * 256, dtype=np.float32).reshape(510, 1, 256)}
)
GONE = b"\0" * 16 * 1024 * 1024
Content = dict[str, bytes]


def packed(files: Content, **options: int) -> bytes:
    """Return a ZIP of these files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = options.get("mode", 0) << 16
            archive.writestr(member, data, options.get("how", zipfile.ZIP_DEFLATED))
    return target.getvalue()


def unpacked(data: bytes) -> Content:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def manifest(data: bytes, **changes: object) -> bytes:
    """Return an archive whose manifest says something else."""
    files = unpacked(data)
    stated = json.loads(files["manifest.json"]) | changes
    return packed(files | {"manifest.json": json.dumps(stated).encode()})


def restated(files: Content) -> bytes:
    """Return an archive whose manifest states these files as they are."""
    stated = json.loads(files["manifest.json"])
    stated["files"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in files.items()
        if name != "manifest.json"
    }
    return packed(files | {"manifest.json": json.dumps(stated).encode()})


@pytest.fixture
def mix(services: Services) -> bytes:
    """Return an archive of a mix with its tensor."""
    return write_archive(add_voice(services), tensor=TENSOR)


@pytest.mark.parametrize("kind", ["mix", "reference", "prompt"])
def test_a_voice_goes_out_and_comes_in_for_somebody_else(services: Services, kind: str):
    with_blend(services)
    making = services.voice_making()
    recipe = {"mix": MIX, "prompt": SCENE}.get(kind) or reference(
        making.take_clip(LOCAL, clip())[0]
    )
    made = add_voice(services, recipe=recipe, licence="CC-BY-4.0", description="Calm.")

    _voice, data = making.export(LOCAL, made.id)
    again = making.import_(OTHER, data).voice

    assert again.owner_id == OTHER.owner_id
    assert again.id != made.id
    for name in ("name", "language", "recipe", "licence", "description", "engine"):
        assert getattr(again, name) == getattr(made, name)
    assert making.export(OTHER, again.id)[1] is not None
    assert again.visibility is Visibility.PRIVATE


def test_the_tensor_of_a_mix_travels_with_it(services: Services, mix: bytes):
    with_blend(services)
    making = services.voice_making()

    imported = making.import_(OTHER, mix).voice
    _voice, data = making.export(OTHER, imported.id)

    assert read_archive(data, limit_bytes=LIMIT).tensor == TENSOR


def test_equal_voices_are_equal_bytes(services: Services):
    made = add_voice(services)

    assert write_archive(made) == write_archive(made)


def test_licence_and_consent_can_be_read_without_us(services: Services):
    blob = services.blobs.put(clip())
    made = add_voice(services, recipe=reference(blob), licence="CC-BY-4.0")

    text = unpacked(write_archive(made, clip=clip()))["licence.txt"].decode()

    assert "CC-BY-4.0" in text
    assert CONSENT.statement in text


def test_a_name_that_is_taken_gets_a_number(services: Services, mix: bytes):
    with_blend(services)
    names = [services.voice_making().import_(LOCAL, mix).voice.name for _ in range(2)]

    assert names == ["Anna 2", "Anna 3"]


def test_only_its_owner_takes_a_voice_away_until_it_is_public(services: Services):
    with_blend(services)
    making, made = services.voice_making(), add_voice(services, principal=OTHER)

    with pytest.raises(NotFound):
        making.export(LOCAL, made.id)
    services.voices.set_visibility(OTHER, made.id, Visibility.WORKSPACE)
    with pytest.raises(NotFound, match="not to be taken away"):
        making.export(LOCAL, made.id)
    services.voices.set_visibility(OTHER, made.id, Visibility.PUBLIC)
    assert making.export(LOCAL, made.id)


def test_a_voice_whose_engine_is_not_here_says_what_to_configure(
    services: Services, mix: bytes
):
    with pytest.raises(EngineUnavailable, match="blend"):
        services.voice_making().import_(LOCAL, mix)


def test_a_mix_of_voices_that_the_engine_lacks_is_refused(
    services: Services, mix: bytes
):
    with_blend(services)
    unknown = manifest(mix, recipe={"kind": "mix", "weights": {"nobody": 1.0}})

    with pytest.raises(InvalidRequest, match="nobody"):
        services.voice_making().import_(LOCAL, unknown)


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda data: b"",
    "not a ZIP": lambda data: b"MZ" + data,
    "cut off": lambda data: data[:-40],
    "bytes before": lambda data: b"PK\x03\x04 and more" + data,
    "a comment at the end": lambda data: data[:-2] + b"\x03\x00abc",
    "a path out of it": lambda data: packed(
        unpacked(data) | {"../../evil.py": b"import os"}
    ),
    "an absolute path": lambda data: packed(unpacked(data) | {"/etc/passwd": b"root"}),
    "a file with a NUL": lambda data: packed(unpacked(data) | {"voice\0.py": b"x"}),
    "a pickle": lambda data: packed(unpacked(data) | {"voice.pt": b"\x80\x04."}),
    "many files": lambda data: packed(
        unpacked(data) | {f"{number}.txt": b"" for number in range(5000)}
    ),
    "some other ZIP": lambda data: packed({"notes.txt": b"Buy bread."}),
    "no manifest": lambda data: packed(
        {name: d for name, d in unpacked(data).items() if name != "manifest.json"}
    ),
    "a manifest that is no JSON": lambda data: packed(
        unpacked(data) | {"manifest.json": b"{'format': 'lecternvoice'}"}
    ),
    "a manifest nested without end": lambda data: packed(
        unpacked(data) | {"manifest.json": b"[" * 60_000}
    ),
    "a version to come": lambda data: manifest(data, version=2),
    "a field nobody knows": lambda data: manifest(data, run="rm"),
    "a wrong digest": lambda data: manifest(
        data,
        files={
            name: {"sha256": "0" * 64, "bytes": len(content)}
            for name, content in unpacked(data).items()
            if name != "manifest.json"
        },
    ),
    "another licence": lambda data: packed(unpacked(data) | {"licence.txt": b"Mine"}),
    "a file the manifest hides": lambda data: packed(
        unpacked(data) | {"reference.wav": clip()}
    ),
    "a recording in a mix": lambda data: restated(
        unpacked(data) | {"reference.wav": clip()}
    ),
    "a licence in no encoding": lambda data: restated(
        unpacked(data) | {"licence.txt": b"\xff\xfe\xff"}
    ),
    "a symbolic link": lambda data: packed(unpacked(data), mode=stat.S_IFLNK | 0o777),
    "a device": lambda data: packed(unpacked(data), mode=stat.S_IFBLK | 0o666),
    "another compression": lambda data: packed(unpacked(data), how=zipfile.ZIP_LZMA),
    "a member twice": lambda data: _twice(unpacked(data)),
    "a member that is encrypted": lambda data: _with_flag(data, 0x1),
    "a tensor with a huge header": lambda data: restated(
        unpacked(data) | {"voice.safetensors": struct.pack("<Q", 2**40) + b"{" * 100}
    ),
    "a tensor of pickled things": lambda data: restated(
        unpacked(data) | {"voice.safetensors": b"\x80\x04\x95" + b"." * 64}
    ),
    "a tensor that says it is larger": lambda data: restated(
        unpacked(data)
        | {"voice.safetensors": TENSOR.replace(b"[510,1,256]", b"[510,9,256]")}
    ),
    "a tensor of no numbers": lambda data: restated(
        unpacked(data)
        | {"voice.safetensors": save({"voice": np.full(4, np.nan, np.float32)})}
    ),
    "two tensors": lambda data: restated(
        unpacked(data)
        | {
            "voice.safetensors": save(
                {"voice": np.ones(4, np.float32), "more": np.ones(4, np.float32)}
            )
        }
    ),
    "a tensor of doubles": lambda data: restated(
        unpacked(data) | {"voice.safetensors": save({"voice": np.ones(4, np.float64)})}
    ),
}


WHY = {
    "nothing": "no voice archive",
    "not a ZIP": "no voice archive",
    "cut off": "no voice archive",
    "bytes before": "belong to none",
    "a comment at the end": "no voice archive",
    "a path out of it": "holds “../../evil.py”",
    "an absolute path": "holds “/etc/passwd”",
    "a file with a NUL": "holds “voice”",
    "a pickle": "holds “voice.pt”",
    "many files": "holds more than a voice has",
    "some other ZIP": "no voice archive. “Export” on the Voices page makes one.",
    "no manifest": "no manifest.json",
    "a manifest that is no JSON": "Invalid JSON",
    "a manifest nested without end": "recursion",
    "a version to come": "newer Lectern",
    "a field nobody knows": "wrong at run",
    "a wrong digest": "not what was packed",
    "another licence": "not what was packed",
    "a file the manifest hides": "differ in: reference.wav",
    "a recording in a mix": "no other voice has",
    "a licence in no encoding": "no readable licence",
    "a symbolic link": "no ordinary file",
    "a device": "no ordinary file",
    "another compression": "packed in a way",
    "a member twice": "twice",
    "a member that is encrypted": "encrypted",
    "a tensor with a huge header": "header",
    "a tensor of pickled things": "header",
    "a tensor that says it is larger": "as large as it says",
    "a tensor of no numbers": "no numbers",
    "two tensors": "32-bit numbers",
    "a tensor of doubles": "32-bit numbers",
}


def _twice(files: Content) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in files:
            archive.writestr(name, files[name])
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("licence.txt", b"another")
    return target.getvalue()


def _with_flag(data: bytes, flag: int) -> bytes:
    changed = bytearray(data)
    at = changed.find(b"PK\x01\x02")
    changed[at + 8] |= flag
    return bytes(changed)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    services: Services, mix: bytes, name: str
):
    with_blend(services)
    before = len(services.voices.all(LOCAL)), len(list(services.blobs.all()))

    with pytest.raises(BadArchive, match=re.escape(WHY[name])):
        services.voice_making().import_(LOCAL, HOSTILE[name](mix))

    assert (len(services.voices.all(LOCAL)), len(list(services.blobs.all()))) == before


@pytest.mark.parametrize(
    "member", ["manifest.json", "licence.txt", "voice.safetensors"]
)
def test_a_bomb_is_not_unpacked(mix: bytes, member: str):
    bomb = packed(unpacked(mix) | {member: GONE})
    assert len(bomb) < LIMIT

    with pytest.raises(InflatesTooMuch):
        read_archive(bomb, limit_bytes=LIMIT)


def test_a_bomb_that_states_a_small_size_is_not_unpacked(mix: bytes):
    bomb = bytearray(packed(unpacked(mix) | {"voice.safetensors": GONE}))
    for at in _places(bytes(bomb), struct.pack("<L", len(GONE))):
        bomb[at : at + 4] = struct.pack("<L", 100)

    with pytest.raises(BadArchive):
        read_archive(bytes(bomb), limit_bytes=LIMIT)


def _places(data: bytes, part: bytes) -> list[int]:
    return [at for at in range(len(data)) if data.startswith(part, at)]


def test_an_archive_with_too_many_bytes_is_not_even_opened(mix: bytes):
    with pytest.raises(InflatesTooMuch):
        read_archive(mix, limit_bytes=len(mix) - 1)


def test_a_recording_swapped_for_another_is_refused(services: Services):
    with_blend(services)
    making = services.voice_making()
    blob, _clip = making.take_clip(LOCAL, clip())
    _voice, data = making.export(LOCAL, add_voice(services, recipe=reference(blob)).id)

    with pytest.raises(BadArchive, match="not the one"):
        making.import_(OTHER, restated(unpacked(data) | {"reference.wav": clip(3)}))


def test_a_recording_that_is_none_is_refused_on_import(services: Services):
    with_blend(services)
    fake = b"RIFF" + b"\0" * 400
    made = add_voice(services, recipe=reference(hashlib.sha256(fake).hexdigest()))  # type: ignore[arg-type]

    with pytest.raises(DamagedFile):
        services.voice_making().import_(OTHER, write_archive(made, clip=fake))


@given(
    st.lists(
        st.tuples(st.integers(min_value=0, max_value=1500), st.integers(0, 255)),
        min_size=1,
        max_size=6,
    )
)
def test_no_changed_byte_gets_through(changes):
    """Whatever is changed is refused by a typed error, or changes nothing read."""
    data = bytearray(SMALL)
    for place, value in changes:
        data[place % len(data)] = value
    with contextlib.suppress(BadArchive, InflatesTooMuch):
        archive = read_archive(bytes(data), limit_bytes=LIMIT)
        assert archive == read_archive(SMALL, limit_bytes=LIMIT)


@given(st.binary(max_size=300))
def test_no_bytes_are_a_tensor_by_chance(data):
    with pytest.raises(BadArchive):
        check_tensor(data)


def _small() -> bytes:
    from datetime import UTC, datetime

    from lectern.ids import OwnerId
    from lectern.speech.custom_voices import CustomVoice

    now = datetime(2026, 3, 1, tzinfo=UTC)
    return write_archive(
        CustomVoice(
            id="0" * 32,
            owner_id=OwnerId("local"),
            engine="blend",
            slug="anna",
            name="Anna",
            language="en",
            recipe=MIX,
            engine_version="1",
            licence="CC0-1.0",
            description="",
            visibility=Visibility.PRIVATE,
            tensor=None,
            created_at=now,
            updated_at=now,
        )
    )


SMALL = _small()


def wanted(services: Services, recipe, **values: object) -> NewVoice:
    fields = {"name": "Anna", "engine": "blend", "language": "en"} | values
    return NewVoice(recipe=body_of(recipe), **fields)  # type: ignore[arg-type]


def test_a_voice_is_made_from_a_form_and_changed(services: Services):
    engine = with_blend(services)
    making = services.voice_making()
    made = making.make(LOCAL, wanted(services, MIX))
    engine.version = "2"

    renamed = making.change(LOCAL, made.id, VoiceChange(name="Bea"))
    assert (renamed.slug, renamed.engine_version) == ("bea", "1")
    changed = making.change(LOCAL, made.id, VoiceChange(recipe=body_of(SCENE)))
    assert (changed.recipe, changed.engine_version) == (SCENE, "2")
    engine.version = "3"
    assert making.renew(LOCAL, made.id).engine_version == "3"


def test_an_engine_that_does_not_mix_is_not_asked_to(services: Services):
    with pytest.raises(InvalidRequest, match="espeak"):
        services.voice_making().make(LOCAL, wanted(services, MIX, engine="espeak"))


def test_nobody_makes_a_voice_of_bytes_that_are_not_theirs(services: Services):
    """A digest alone must not open somebody else's files."""
    with_blend(services)
    making = services.voice_making()
    theirs, _clip = making.take_clip(OTHER, clip())
    document = services.blobs.put(b"a private document")

    for blob in (theirs, document):
        with pytest.raises(InvalidRequest, match="Upload the recording"):
            making.make(LOCAL, wanted(services, reference(blob)))
    assert making.make(OTHER, wanted(services, reference(theirs)))


def test_only_an_engine_that_hears_what_it_said_has_chained_voices(services: Services):
    engine = with_blend(services)
    making = services.voice_making()
    clip_, _clip = making.take_clip(LOCAL, clip())
    chained = replace(reference(clip_), mode=Mode.CHAINED)

    with pytest.raises(InvalidRequest, match="does not hear"):
        making.make(LOCAL, wanted(services, chained))
    engine.hears = 3
    assert making.make(LOCAL, wanted(services, chained))


def test_a_recording_is_kept_in_one_form(services: Services):
    taken = take_clip(clip(2.0, rate_hz=44_100), Limits())

    assert taken.duration_ms == pytest.approx(2000, abs=5)
    assert take_clip(taken.data, Limits()).data == taken.data


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", DamagedFile),
        (b"#EXTM3U\nfile:///etc/passwd\n", DamagedFile),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", DamagedFile),
        (clip(0.5), NothingToRead),
        (clip(61), ClipTooLong),
        (b"\0" * (10 * 1024**2 + 1), FileTooLarge),
    ],
    ids=["empty", "playlist", "concat", "short", "long", "large"],
)
def test_what_is_no_usable_recording_is_refused(data, error):
    with pytest.raises(error):
        take_clip(data, Limits())


def test_a_silent_recording_is_refused():
    import wave

    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\0\0" * 32_000)

    with pytest.raises(NothingToRead, match="silent"):
        take_clip(target.getvalue(), Limits())
