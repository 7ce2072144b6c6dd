"""Making voices: checked against their engine, from a form or from an archive."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lectern.accounts.people import Principal
from lectern.errors import (
    BlobMissing,
    EngineUnavailable,
    InvalidRequest,
    LecternError,
    NotFound,
)
from lectern.ids import BlobHash
from lectern.speech.custom_voices import (
    CustomVoice,
    Mix,
    Mode,
    Recipe,
    Reference,
    Visibility,
    VoiceKind,
    language_tag,
    require_language,
)
from lectern.speech.voice_contracts import NewVoice, VoiceChange, recipe_of
from lectern.speech.voices import Voice
from resources.engines.clips import Clip, take_clip
from resources.engines.speech import SpeechEngine
from resources.stores.voices import VoiceDraft
from resources.voice_archives import (
    TENSOR_NAME,
    VoiceArchive,
    read_archive,
    write_archive,
)

if TYPE_CHECKING:
    from resources.services import Services

CLIPS = "voice_clips"
CLIPS_KEPT = 20
UNSAVED = "custom:unsaved"


@dataclass(frozen=True, slots=True)
class Imported:
    """A voice that came in, and what is different about it here."""

    voice: CustomVoice
    remark: str = ""


class VoiceMaking:
    """Makes, changes, exports and imports voices."""

    def __init__(self, services: "Services") -> None:
        self._services = services

    def take_clip(self, principal: Principal, data: bytes) -> tuple[BlobHash, Clip]:
        """Keep a recording from which this person may make a voice.

        Raises:
            LimitReached: It is too large or too long.
            DamagedFile: It is no recording.
            NothingToRead: It is silent or too short.
        """
        clip = take_clip(data, self._services.settings.limits)
        blob = self._services.blobs.put(clip.data)
        preferences = self._services.preferences
        kept = [one for one in preferences.get(principal, CLIPS) or [] if one != blob]
        preferences.put(principal, CLIPS, [*kept, blob][-CLIPS_KEPT:])
        return blob, clip

    def make(self, principal: Principal, wanted: NewVoice) -> CustomVoice:
        """Make a voice.

        Raises:
            EngineUnavailable: Its engine is not configured or does not answer.
            InvalidRequest: The engine cannot speak such a voice.
            NameTaken: This person has a voice of that name.
            TooManyVoices: This person has as many as one may have.
        """
        draft = self._draft(principal, wanted)
        return self._services.voices.add(principal, draft)

    def unsaved(self, principal: Principal, wanted: NewVoice) -> Voice:
        """Return a voice as it would sound if it were made, to try it.

        Raises:
            EngineUnavailable: Its engine is not configured or does not answer.
            InvalidRequest: The engine cannot speak such a voice.
        """
        draft = self._draft(principal, wanted)
        return Voice(
            id=UNSAVED,
            engine=draft.engine,
            name=draft.name,
            language=draft.language,
            parameters=draft.recipe.parameters(),
            owner_id=principal.owner_id,
        )

    def change(
        self, principal: Principal, id_: str, change: VoiceChange
    ) -> CustomVoice:
        """Change a voice. Another recipe makes it anew with the engine of today.

        Raises:
            NotFound: This person has no such voice.
            InvalidRequest: The engine cannot speak such a voice.
            NameTaken: Another voice of this person has that name.
        """
        voice = self._services.voices.own(principal, id_)
        values: dict[str, Any] = change.model_dump(
            exclude_none=True, exclude={"recipe", "language"}
        )
        if change.recipe is not None or change.language is not None:
            recipe = recipe_of(change.recipe) if change.recipe else voice.recipe
            language = language_tag(change.language or voice.language)
            engine = self._engine_for(voice.engine, recipe.kind)
            self._check(principal, engine, recipe, language)
            values |= {"recipe": recipe, "language": language}
            if recipe != voice.recipe:
                values |= {"engine_version": engine.version, "tensor": None}
        return self._services.voices.change(principal, id_, **values)

    def renew(self, principal: Principal, id_: str) -> CustomVoice:
        """Make a voice anew with its engine as it is today.

        Raises:
            NotFound: This person has no such voice.
            InvalidRequest: The engine cannot speak it any more.
        """
        voice = self._services.voices.own(principal, id_)
        engine = self._engine_for(voice.engine, voice.recipe.kind)
        self._check(principal, engine, voice.recipe, voice.language)
        return self._services.voices.change(
            principal, id_, engine_version=engine.version, tensor=None
        )

    def export(self, principal: Principal, id_: str) -> tuple[CustomVoice, bytes]:
        """Return a voice as an archive: one's own, or a public one.

        Raises:
            NotFound: There is none, or its owner lets nobody take it away.
        """
        voice = self._services.voices.get(principal, id_)
        is_own = voice.owner_id == principal.owner_id
        if not is_own and voice.visibility is not Visibility.PUBLIC:
            raise NotFound(
                f"“{voice.name}” is shared to be used here, and not to be taken away."
            )
        blobs, recipe = self._services.blobs, voice.recipe
        clip = blobs.read(recipe.clip) if isinstance(recipe, Reference) else None
        return voice, write_archive(voice, clip=clip, tensor=self._tensor(voice))

    def import_(self, principal: Principal, data: bytes) -> Imported:
        """Make a voice from an archive.

        Raises:
            BadArchive: It is damaged, or is not what it says.
            LimitReached: It holds too much.
            EngineUnavailable: No engine here speaks such voices.
            InvalidRequest: The engine cannot speak this one.
        """
        limits = self._services.settings.limits
        archive = read_archive(data, limit_bytes=limits.voice_archive_bytes)
        manifest = archive.manifest
        recipe = self._recipe(principal, archive)
        engine, remark = self._nearest_engine(manifest.engine, recipe.kind)
        language = language_tag(manifest.language)
        self._check(principal, engine, recipe, language)
        is_same = engine.name == manifest.engine
        tensor = self._services.blobs.put(archive.tensor) if archive.tensor else None
        draft = VoiceDraft(
            name=manifest.name,
            engine=engine.name,
            engine_version=manifest.engine_version if is_same else engine.version,
            language=language,
            recipe=recipe,
            licence=manifest.licence,
            description=manifest.description,
            tensor=tensor,
        )
        voice = self._services.voices.add(principal, draft, rename=True)
        return Imported(voice, remark)

    def _draft(self, principal: Principal, wanted: NewVoice) -> VoiceDraft:
        recipe = recipe_of(wanted.recipe)
        language = language_tag(wanted.language)
        engine = self._engine_for(wanted.engine, recipe.kind)
        self._check(principal, engine, recipe, language)
        return VoiceDraft(
            name=" ".join(wanted.name.split()),
            engine=engine.name,
            engine_version=engine.version,
            language=language,
            recipe=recipe,
            licence=wanted.licence,
            description=wanted.description,
        )

    def _engine_for(self, name: str, kind: VoiceKind) -> SpeechEngine:
        engine = self._services.speech_engines().engine(name)
        if kind not in engine.custom_kinds:
            raise InvalidRequest(
                f"The engine “{name}” has no voices of the kind “{kind.value}”."
            )
        return engine

    def _nearest_engine(self, name: str, kind: VoiceKind) -> tuple[SpeechEngine, str]:
        """Return the engine of that name, or another that speaks such voices."""
        engines = self._services.speech_engines()
        for other in sorted(engines.names(), key=lambda one: one != name):
            try:
                engine = engines.engine(other)
            except EngineUnavailable:
                continue
            if kind in engine.custom_kinds:
                if other == name:
                    return engine, ""
                return engine, (
                    f"It was made for the engine “{name}”, and speaks by “{other}” "
                    "here. It may sound different."
                )
        raise EngineUnavailable(
            f"This voice needs the speech engine “{name}”, which is not configured "
            "here. Configure it, then import the voice again."
        )

    def _check(
        self, principal: Principal, engine: SpeechEngine, recipe: Recipe, language: str
    ) -> None:
        if isinstance(recipe, Reference):
            self._require_clip(principal, recipe.clip)
            _require_mode(engine, recipe, language)
        require_language(recipe, language, engine.voices())

    def _require_clip(self, principal: Principal, clip: BlobHash) -> None:
        """Refuse a digest that this person did not upload: it might be anything."""
        mine = set(self._services.preferences.get(principal, CLIPS) or [])
        for voice in self._services.voices.all(principal):
            if voice.owner_id == principal.owner_id and (
                isinstance(voice.recipe, Reference)
            ):
                mine.add(voice.recipe.clip)
        if clip not in mine or not self._services.blobs.exists(clip):
            raise InvalidRequest("Upload the recording first, then make the voice.")

    def _recipe(self, principal: Principal, archive: VoiceArchive) -> Recipe:
        recipe = recipe_of(archive.manifest.recipe)
        if isinstance(recipe, Reference) and archive.clip is not None:
            # Decoded and written anew, so the digest is that of our own file.
            clip, _decoded = self.take_clip(principal, archive.clip)
            return replace(recipe, clip=clip)
        return recipe

    def _tensor(self, voice: CustomVoice) -> bytes | None:
        """Return what a mix is in numbers: as it came, else as its engine says."""
        if not isinstance(voice.recipe, Mix):
            return None
        if voice.tensor is not None:
            try:
                return self._services.blobs.read(voice.tensor)
            except BlobMissing:
                return None
        try:
            engine = self._services.speech_engines().engine(voice.engine)
            values = engine.tensor(voice.voice())
        except LecternError:  # names and weights say all that is needed
            return None
        if values is None:
            return None
        from safetensors.numpy import save

        return bytes(save({TENSOR_NAME: values}))


def _require_mode(engine: SpeechEngine, recipe: Reference, language: str) -> None:
    """Refuse a chained voice for an engine that hears no blocks before."""
    parameters = recipe.parameters()
    voice = Voice(UNSAVED, engine.name, "", language, parameters=parameters)
    if recipe.mode is Mode.CHAINED and not engine.context_blocks(voice):
        raise InvalidRequest(
            f"The engine “{engine.name}” does not hear what it said before. Choose to "
            "read like the clip every time."
        )
