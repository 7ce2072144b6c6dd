"""``.lecternvoice`` archives: one custom voice as a file, to keep or to give away.

A ZIP of few and known members: ``manifest.json``, ``licence.txt``, and what belongs to
the kind of voice (``reference.wav``, ``voice.safetensors``). Nothing in it is code and
nothing is unpickled. Whoever made it is not trusted: every name, size, digest and
number is checked before it is used. The format is stated in docs/voices.md.
"""

import hashlib
import io
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from lectern.contracts import Contract
from lectern.errors import BadArchive, InflatesTooMuch
from lectern.speech.custom_voices import CustomVoice, Mix, Reference
from lectern.speech.voice_contracts import (
    Description,
    Digest,
    Licence,
    Name,
    RecipeBody,
    ReferenceBody,
    body_of,
)

SUFFIX = ".lecternvoice"
MEDIA_TYPE = "application/vnd.lectern.voice+zip"
MANIFEST, LICENCE = "manifest.json", "licence.txt"
CLIP, TENSOR = "reference.wav", "voice.safetensors"
MEMBERS = {MANIFEST, LICENCE, CLIP, TENSOR}
MANIFEST_BYTES = 64 * 1024
LICENCE_BYTES = 64 * 1024
DIRECTORY_BYTES = 4096
TENSOR_HEADER_BYTES = 4096
TENSOR_NAME = "voice"
TENSOR_VALUES = 2**20
"""A Kokoro voice has 510 × 1 × 256."""
NOT_ONE = "This is no voice archive. “Export” on the Voices page makes one."
_END = struct.Struct("<4s4H2LH")  # of a ZIP: signature, disks, entries, directory
_ENCRYPTED = 0x1


class Member(Contract):
    """What the manifest states of another member."""

    sha256: Digest
    bytes: int = Field(ge=0)


class Manifest(Contract):
    """``manifest.json``."""

    format: Literal["lecternvoice"] = "lecternvoice"
    version: Literal[1] = 1
    name: Name
    language: Annotated[str, StringConstraints(min_length=2, max_length=16)]
    engine: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    engine_version: Annotated[str, StringConstraints(max_length=128)]
    licence: Licence
    description: Description
    made_at: datetime
    recipe: RecipeBody
    files: dict[Literal["licence.txt", "reference.wav", "voice.safetensors"], Member]


@dataclass(frozen=True, slots=True)
class VoiceArchive:
    """What an archive holds, checked against its own manifest."""

    manifest: Manifest
    licence: str
    clip: bytes | None = None  # WAV as it was given; decode it apart
    tensor: bytes | None = None  # safetensors, one finite float32 tensor


def write_archive(
    voice: CustomVoice, *, clip: bytes | None = None, tensor: bytes | None = None
) -> bytes:
    """Return a voice as an archive. Equal voices give equal bytes."""
    files = {LICENCE: licence_text(voice).encode()}
    if clip is not None:
        files[CLIP] = clip
    if tensor is not None:
        files[TENSOR] = tensor
    manifest = Manifest(
        name=voice.name,
        language=voice.language,
        engine=voice.engine,
        engine_version=voice.engine_version,
        licence=voice.licence,
        description=voice.description,
        made_at=voice.created_at,
        recipe=body_of(voice.recipe),
        files={
            name: Member(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
            for name, data in files.items()
        },
    )
    text = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=2)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {MANIFEST: text.encode(), **files}.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def licence_text(voice: CustomVoice) -> str:
    """Return what may be done with a voice, for people to read."""
    lines = [voice.name, "", f"Licence: {voice.licence or 'none stated'}"]
    if voice.description:
        lines += ["", voice.description]
    if isinstance(voice.recipe, Reference):
        consent = voice.recipe.consent
        lines += ["", f"Consent of the speaker, {consent.on}:", consent.statement]
    return "\n".join(lines) + "\n"


def read_archive(data: bytes, *, limit_bytes: int) -> VoiceArchive:
    """Return what an archive holds.

    ``limit_bytes`` caps the file, and all that it unpacks to.

    Raises:
        BadArchive: It is damaged, or is not what it says.
        InflatesTooMuch: It has, or unpacks to, too many bytes.
    """
    if len(data) > limit_bytes:
        raise _too_much(limit_bytes)
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = _unpack(archive, limit_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BadArchive(f"The voice archive is damaged: {error}.") from error
    manifest = _manifest(files.pop(MANIFEST))
    _check_digests(manifest, files)
    _check_kind(manifest, files)
    if TENSOR in files:
        check_tensor(files[TENSOR])
    try:
        licence = files[LICENCE].decode()
    except (KeyError, UnicodeDecodeError) as error:
        raise BadArchive("The voice archive has no readable licence.txt.") from error
    return VoiceArchive(manifest, licence, files.get(CLIP), files.get(TENSOR))


def _too_much(limit_bytes: int) -> InflatesTooMuch:
    return InflatesTooMuch(
        f"The voice archive holds more than the {limit_bytes:,} bytes that it may.",
        limit=limit_bytes,
    )


def _check_directory(data: bytes) -> None:
    """Refuse, before anything is read by it, a directory that no voice needs."""
    if len(data) < _END.size or not data.startswith(b"PK\x03\x04"):
        raise BadArchive(NOT_ONE)
    end = _END.unpack(data[-_END.size :])
    signature, disk, first_disk, here, entries, size, offset, comment = end
    is_plain = signature == b"PK\x05\x06" and not (disk or first_disk or comment)
    if not is_plain or here != entries:
        raise BadArchive(NOT_ONE)
    if entries > len(MEMBERS) or size > DIRECTORY_BYTES:
        raise BadArchive(f"{NOT_ONE} This ZIP file holds more than a voice has.")
    if offset + size + _END.size != len(data):
        raise BadArchive(
            "The voice archive has bytes that belong to none of its files."
        )


def _unpack(archive: zipfile.ZipFile, limit_bytes: int) -> dict[str, bytes]:
    if MANIFEST not in archive.namelist():
        raise BadArchive(f"{NOT_ONE} This ZIP file has no {MANIFEST}.")
    files: dict[str, bytes] = {}
    left_bytes = limit_bytes
    for member in archive.infolist():
        _check_member(member, known=files)
        cap = {MANIFEST: MANIFEST_BYTES, LICENCE: LICENCE_BYTES}.get(
            member.filename, left_bytes
        )
        cap = min(cap, left_bytes)
        with archive.open(member) as file:
            # Never by the size it states: a few bytes can claim and give gigabytes.
            content = file.read(cap + 1)
        if len(content) > cap:
            raise _too_much(cap)
        files[member.filename] = content
        left_bytes -= len(content)
    return files


def _check_member(member: zipfile.ZipInfo, *, known: Mapping[str, bytes]) -> None:
    name = member.filename
    if name not in MEMBERS or member.orig_filename != name:
        raise BadArchive(f"The voice archive holds “{name[:80]}”, no part of a voice.")
    if name in known:
        raise BadArchive(f"The voice archive has {name} twice.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):  # 0: packed where files have no such bits
        raise BadArchive(f"{name} in the voice archive is no ordinary file.")
    if member.flag_bits & _ENCRYPTED:
        raise BadArchive("The voice archive is encrypted. Export it again.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive("The voice archive is packed in a way that is not read here.")


def _manifest(data: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        if problem["loc"][:1] == ("version",):
            raise BadArchive(
                "The voice archive is of a version that is not known here. "
                "Install a newer Lectern."
            ) from error
        where = ".".join(str(part) for part in problem["loc"]) or "manifest.json"
        raise BadArchive(
            f"The manifest of the voice archive is wrong at {where}: {problem['msg']}."
        ) from error


def _check_digests(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    stated = {str(name): member for name, member in manifest.files.items()}
    if set(stated) != set(files):
        odd = ", ".join(sorted(set(stated) ^ set(files)))
        raise BadArchive(f"The voice archive and its manifest differ in: {odd}.")
    for name, content in files.items():
        is_it = stated[name].bytes == len(content) and (
            hashlib.sha256(content).hexdigest() == stated[name].sha256
        )
        if not is_it:
            raise BadArchive(f"{name} in the voice archive is not what was packed.")


def _check_kind(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    recipe = manifest.recipe
    if isinstance(recipe, ReferenceBody) != (CLIP in files):
        raise BadArchive("A reference voice has its recording, and no other voice has.")
    if isinstance(recipe, ReferenceBody) and (
        manifest.files["reference.wav"].sha256 != recipe.clip
    ):
        raise BadArchive("The recording is not the one that the voice was made from.")
    if TENSOR in files and recipe.kind != Mix.kind.value:
        raise BadArchive("Only a mix has a tensor.")


def check_tensor(data: bytes) -> None:
    """Refuse safetensors that are not one finite float32 tensor ``voice``.

    The header is read by hand first: it states its own length and shape, and a
    library would believe both.

    Raises:
        BadArchive: They are not.
    """
    import numpy as np

    (length,) = struct.unpack("<Q", data[:8].ljust(8, b"\xff"))
    if length > TENSOR_HEADER_BYTES:
        raise BadArchive("The tensor of the voice has a header that no voice needs.")
    try:
        header = json.loads(data[8 : 8 + length])
        header.pop("__metadata__", None)
        entry = header.pop(TENSOR_NAME)
        shape, offsets = entry["shape"], entry["data_offsets"]
        is_known = not header and entry["dtype"] == "F32" and 1 <= len(shape) <= 3
        is_whole = all(
            type(side) is int and 0 < side <= TENSOR_VALUES for side in shape
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadArchive("The tensor of the voice cannot be read.") from error
    if not is_known or not is_whole:
        raise BadArchive("The tensor of the voice is not one of 32-bit numbers.")
    values = 1
    for side in shape:
        values *= side
    body = data[8 + length :]
    if values > TENSOR_VALUES or offsets != [0, 4 * values] or len(body) != 4 * values:
        raise BadArchive("The tensor of the voice is not as large as it says.")
    if not np.isfinite(np.frombuffer(body, "<f4")).all():
        raise BadArchive("The tensor of the voice holds what are no numbers.")
