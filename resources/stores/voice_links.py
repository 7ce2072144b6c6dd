"""Links by which somebody lets others use a voice; only digests of them are kept."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from lectern.accounts.people import Principal
from lectern.errors import NotFound
from lectern.speech.custom_voices import CustomVoice, Visibility
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.link_tokens import new_token, token_digest
from resources.stores.upsert import insert_or_update
from resources.stores.voices import Voices

_share = schema.voice_share.c
_guest = schema.voice_guest.c
_voice = schema.voice.c


@dataclass(frozen=True, slots=True)
class VoiceLink:
    """One link, and how many people have accepted it."""

    id: str
    voice_id: str  # 32 hex digits
    guests: int
    created_at: datetime


class VoiceLinks:
    """The tables of links and of those who accepted them."""

    def __init__(self, database: Database, voices: Voices) -> None:
        self._database = database
        self._voices = voices

    def make(self, principal: Principal, id_: str) -> tuple[VoiceLink, str]:
        """Make a link to a voice of this person; return it and its token, once.

        Raises:
            NotFound: There is no such voice.
        """
        voice = self._voices.own(principal, id_)
        token = new_token()
        link = VoiceLink(uuid.uuid4().hex, id_, 0, self._database.now())
        with self._database.write() as connection:
            connection.execute(
                insert(schema.voice_share).values(
                    id=link.id,
                    voice_id=id_,
                    token_digest=token_digest(token),
                    created_at=link.created_at,
                )
            )
            if voice.visibility is Visibility.PRIVATE:
                this = update(schema.voice).where(_voice.id == id_)
                connection.execute(this.values(visibility=Visibility.LINK))
        return link, token

    def of(self, principal: Principal, id_: str) -> list[VoiceLink]:
        """Return the links of a voice of this person, newest first.

        Raises:
            NotFound: There is no such voice.
        """
        self._voices.own(principal, id_)
        query = (
            select(_share.id, _share.created_at, func.count(_guest.owner_id))
            .outerjoin(schema.voice_guest, _guest.share_id == _share.id)
            .where(_share.voice_id == id_)
            .group_by(_share.id, _share.created_at)
            .order_by(_share.created_at.desc())
        )
        with self._database.read() as connection:
            return [
                VoiceLink(link_id, id_, guests, created_at)
                for link_id, created_at, guests in connection.execute(query)
            ]

    def revoke(self, principal: Principal, id_: str, link_id: str) -> None:
        """Take a link back, and the voice from everybody who accepted it.

        Raises:
            NotFound: There is no such voice or link.
        """
        voice = self._voices.own(principal, id_)
        this = delete(schema.voice_share).where(
            _share.id == link_id, _share.voice_id == id_
        )
        left = select(func.count()).where(_share.voice_id == id_)
        with self._database.write() as connection:
            if connection.execute(this).rowcount != 1:
                raise NotFound("There is no such link. It may have been taken back.")
            if (
                voice.visibility is Visibility.LINK
                and not connection.execute(left).scalar_one()
            ):
                this_voice = update(schema.voice).where(_voice.id == id_)
                connection.execute(this_voice.values(visibility=Visibility.PRIVATE))

    def accept(self, principal: Principal, token: str) -> CustomVoice:
        """Let this person use the voice that a link leads to.

        Raises:
            NotFound: The link leads nowhere, or no longer.
        """
        query = (
            select(_share.id, _share.voice_id, _voice.owner_id)
            .join(schema.voice, _voice.id == _share.voice_id)
            .where(
                _share.token_digest == token_digest(token), _voice.deleted_at.is_(None)
            )
        )
        with self._database.write() as connection:
            found = connection.execute(query).one_or_none()
            if found is None:
                raise NotFound(
                    "This link leads to no voice. It may have been taken back; ask "
                    "whoever sent it for a new one."
                )
            if found.owner_id != principal.owner_id:
                row = {
                    "owner_id": principal.owner_id,
                    "voice_id": found.voice_id,
                    "share_id": found.id,
                    "accepted_at": self._database.now(),
                }
                insert_or_update(
                    connection, schema.voice_guest, [row], by=["owner_id", "voice_id"]
                )
        return self._voices.get(principal, found.voice_id)

    def leave(self, principal: Principal, id_: str) -> None:
        """Give up a voice that was accepted by link.

        Raises:
            NotFound: It was not.
        """
        mine = delete(schema.voice_guest).where(
            _guest.owner_id == principal.owner_id, _guest.voice_id == id_
        )
        with self._database.write() as connection:
            if connection.execute(mine).rowcount != 1:
                raise NotFound("You have not accepted this voice by a link.")
