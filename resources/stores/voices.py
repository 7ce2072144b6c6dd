"""Voices that people make: kept by owner, engine and slug, and shared as they choose.

What somebody may not use is answered exactly like what does not exist.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from lectern.accounts.people import Principal
from lectern.errors import NameTaken, NotFound
from lectern.ids import BlobHash, OwnerId
from lectern.speech.custom_voices import (
    LONGEST_NAME,
    PREFIX,
    CustomVoice,
    Recipe,
    Reference,
    Visibility,
    slug_of,
)
from lectern.speech.voice_contracts import recipe_from, recipe_json
from resources.stores import schema
from resources.stores.allowed import Allowed
from resources.stores.database import Database
from resources.stores.ownership import (
    for_installation,
    is_guest_here,
    is_readable,
)

NO_SUCH_VOICE = "There is no such voice. It may have been deleted, or is not yours."

_voice = schema.voice.c
_guest = schema.voice_guest.c


@dataclass(frozen=True, slots=True)
class VoiceDraft:
    """A voice as it is to be kept, checked by whoever made it."""

    name: str
    engine: str
    engine_version: str
    language: str
    recipe: Recipe
    licence: str = ""
    description: str = ""
    tensor: BlobHash | None = None


class Voices:
    """The tables of custom voices and of who has been let in."""

    def __init__(self, database: Database, allowed: Allowed) -> None:
        self._database = database
        self._allowed = allowed

    def add(
        self, principal: Principal, draft: VoiceDraft, *, rename: bool = False
    ) -> CustomVoice:
        """Keep a new voice. With ``rename`` a name that is taken gets a number.

        Raises:
            NameTaken: This person has a voice of that name for that engine.
            TooManyVoices: This person has as many voices as one may have.
        """
        with self._database.write() as connection:
            self._allowed.voice(connection, principal)
            name, slug = _free_name(connection, principal, draft, rename=rename)
            now = self._database.now()
            row = {
                "id": uuid.uuid4().hex,
                "owner_id": principal.owner_id,
                "slug": slug,
                "visibility": Visibility.PRIVATE,
                "created_at": now,
                "updated_at": now,
                "deleted_at": None,
                **_made_row(replace(draft, name=name)),
            }
            with _one_of_a_name(draft):
                connection.execute(insert(schema.voice).values(row))
        return _voice_of(row)

    def get(self, principal: Principal, id_: str) -> CustomVoice:
        """Return a voice that this person may use.

        Raises:
            NotFound: There is none, or it is not for this person.
        """
        found = self.find(principal, id_)
        if found is None:
            raise NotFound(NO_SUCH_VOICE)
        return found

    def find(self, principal: Principal, id_: str) -> CustomVoice | None:
        """Return a voice that this person may use, else None."""
        query = select(schema.voice).where(_voice.id == id_, _usable_by(principal))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return _voice_of(row) if row else None

    def own(self, principal: Principal, id_: str) -> CustomVoice:
        """Return a voice that this person made.

        Raises:
            NotFound: There is none.
        """
        with self._database.read() as connection:
            return _own(connection, principal, id_)

    def all(self, principal: Principal) -> list[CustomVoice]:
        """Return every voice that this person may use: own ones first, by name."""
        query = (
            select(schema.voice)
            .where(_usable_by(principal))
            .order_by(_voice.owner_id != principal.owner_id, func.lower(_voice.name))
            .order_by(_voice.created_at)
        )
        with self._database.read() as connection:
            return [_voice_of(row) for row in connection.execute(query).mappings()]

    def deleted(self, principal: Principal) -> list[CustomVoice]:
        """Return this person's deleted voices that can come back, newest first."""
        query = (
            select(schema.voice)
            .where(_voice.owner_id == principal.owner_id)
            .where(_voice.deleted_at.is_not(None))
            .order_by(_voice.deleted_at.desc())
        )
        with self._database.read() as connection:
            return [_voice_of(row) for row in connection.execute(query).mappings()]

    def once_used(
        self, principal: Principal, document_id: str, id_: str
    ) -> CustomVoice | None:
        """Return a voice, even one that is deleted or no longer shared, with which a
        document that this person may read was voiced before; else None.

        For telling which sounds are there. It must not speak again.
        """
        link, document = schema.block_audio.c, schema.document.c
        voiced = (
            select(link.document_id)
            .join(schema.document, document.id == link.document_id)
            .where(link.document_id == document_id)
            .where(link.voice_id == f"{PREFIX}:{id_}")
            .where(is_readable(principal, self._database.now()))
        )
        query = select(schema.voice).where(_voice.id == id_, exists(voiced))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return _voice_of(row) if row else None

    def change(self, principal: Principal, id_: str, **values: Any) -> CustomVoice:
        """Change a voice of this person: name, licence, description, language,
        recipe (then with engine_version, as it is made anew).

        Raises:
            NotFound: There is none.
            NameTaken: Another of this person's voices has that name.
        """
        with self._database.write() as connection:
            voice = replace(_own(connection, principal, id_), **values)
            draft = _draft_of(voice)
            row = _made_row(draft)
            row["slug"] = _free_slug(connection, principal, draft, besides=id_)
            row["updated_at"] = self._database.now()
            this = update(schema.voice).where(_is_own(principal, id_))
            with _one_of_a_name(draft):
                connection.execute(this.values(row))
            return _own(connection, principal, id_)

    def set_visibility(
        self, principal: Principal, id_: str, visibility: Visibility
    ) -> CustomVoice:
        """Say who else may use a voice. Private takes every link back.

        Raises:
            NotFound: There is none.
        """
        with self._database.write() as connection:
            _own(connection, principal, id_)
            values = {"visibility": visibility, "updated_at": self._database.now()}
            this = update(schema.voice).where(_is_own(principal, id_))
            connection.execute(this.values(values))
            if visibility is Visibility.PRIVATE:
                shares = schema.voice_share
                connection.execute(delete(shares).where(shares.c.voice_id == id_))
            return _own(connection, principal, id_)

    def delete(self, principal: Principal, id_: str) -> None:
        """Take a voice away; ``restore`` brings it back until it is purged.

        Its slug becomes free. Those it was shared with lose it at once.

        Raises:
            NotFound: There is none.
        """
        with self._database.write() as connection:
            _own(connection, principal, id_)
            values = {"deleted_at": self._database.now(), "slug": f"deleted {id_}"}
            this = update(schema.voice).where(_is_own(principal, id_))
            connection.execute(this.values(values))

    def restore(self, principal: Principal, id_: str) -> CustomVoice:
        """Bring a deleted voice back; with a number if its name was given away.

        Raises:
            NotFound: There is none.
            TooManyVoices: There is no room for it any more.
        """
        with self._database.write() as connection:
            gone = _own(connection, principal, id_, deleted=True)
            self._allowed.voice(connection, principal)
            draft = _draft_of(gone)
            name, slug = _free_name(connection, principal, draft, rename=True)
            values = {"deleted_at": None, "name": name, "slug": slug}
            this = update(schema.voice).where(_is_own(principal, id_))
            connection.execute(this.values(values))
            return _own(connection, principal, id_)

    @for_installation("upkeep forgets what was deleted long ago")
    def purge(self, *, deleted_for: timedelta) -> int:
        """Forget voices that were deleted long ago; return how many.

        The recording goes in any case. The row stays while documents have sounds of
        the voice, which could not be told apart without it.
        """
        before = self._database.now() - deleted_for
        is_old = _voice.deleted_at < before
        link = schema.block_audio.c
        used = exists(
            select(link.key)
            .where(link.voice_id == PREFIX + ":" + _voice.id)
            .where(schema.IS_CUSTOM_VOICE)
        )
        with self._database.write() as connection:
            bare = {"audio_blob": None, "tensor_blob": None}
            connection.execute(update(schema.voice).where(is_old).values(bare))
            return connection.execute(
                delete(schema.voice).where(is_old, ~used)
            ).rowcount


def _usable_by(principal: Principal) -> Any:
    is_guest = exists(
        select(_guest.voice_id)
        .where(_guest.voice_id == _voice.id)
        .where(_guest.owner_id == principal.owner_id)
    )
    return _voice.deleted_at.is_(None) & or_(
        _voice.owner_id == principal.owner_id,
        _voice.visibility == Visibility.PUBLIC,
        and_(_voice.visibility == Visibility.WORKSPACE, ~is_guest_here(principal)),
        is_guest,
    )


def _is_own(principal: Principal, id_: str) -> ColumnElement[bool]:
    return (_voice.id == id_) & (_voice.owner_id == principal.owner_id)


def _own(
    connection: Connection, principal: Principal, id_: str, *, deleted: bool = False
) -> CustomVoice:
    is_there = (
        _voice.deleted_at.is_not(None) if deleted else _voice.deleted_at.is_(None)
    )
    query = select(schema.voice).where(_is_own(principal, id_), is_there)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_VOICE)
    return _voice_of(row)


def _free_name(
    connection: Connection, principal: Principal, draft: VoiceDraft, *, rename: bool
) -> tuple[str, str]:
    """Return a name and its slug, numbered if need be and allowed."""
    number, name = 1, draft.name
    while True:
        try:
            wanted = replace(draft, name=name)
            return name, _free_slug(connection, principal, wanted)
        except NameTaken:
            if not rename:
                raise
        number += 1
        name = f"{draft.name[: LONGEST_NAME - 6]} {number}"


def _free_slug(
    connection: Connection,
    principal: Principal,
    draft: VoiceDraft,
    *,
    besides: str = "",
) -> str:
    slug = slug_of(draft.name)
    taken = (
        select(_voice.id)
        .where(_voice.owner_id == principal.owner_id)
        .where(_voice.engine == draft.engine)
        .where(_voice.slug == slug, _voice.id != besides)
    )
    if connection.execute(taken).first() is not None:
        raise _name_taken(draft)
    return slug


@contextmanager
def _one_of_a_name(draft: VoiceDraft) -> Iterator[None]:
    """Say so when somebody was quicker: two requests may have found a name free."""
    try:
        yield
    except IntegrityError as error:
        raise _name_taken(draft) from error


def _name_taken(draft: VoiceDraft) -> NameTaken:
    return NameTaken(f"You have a voice “{draft.name}” already. Choose another name.")


def _draft_of(voice: CustomVoice) -> VoiceDraft:
    return VoiceDraft(**{name: getattr(voice, name) for name in VoiceDraft.__slots__})


def _made_row(draft: VoiceDraft) -> dict[str, Any]:
    recipe = draft.recipe
    return {
        "name": draft.name,
        "engine": draft.engine,
        "engine_version": draft.engine_version,
        "language": draft.language,
        "kind": recipe.kind.value,
        "recipe": recipe_json(recipe),
        "licence": draft.licence,
        "description": draft.description,
        "audio_blob": recipe.clip if isinstance(recipe, Reference) else None,
        "tensor_blob": draft.tensor,
    }


def _voice_of(row: Mapping[Any, Any]) -> CustomVoice:
    return CustomVoice(
        id=row["id"],
        owner_id=OwnerId(row["owner_id"]),
        engine=row["engine"],
        slug=row["slug"],
        name=row["name"],
        language=row["language"],
        recipe=recipe_from(row["recipe"]),
        engine_version=row["engine_version"],
        licence=row["licence"],
        description=row["description"],
        visibility=Visibility(row["visibility"]),
        tensor=row["tensor_blob"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        deleted_at=row["deleted_at"],
    )
