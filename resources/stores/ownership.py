"""Whose blocks sound like a variant, told without reading every block that does.

Most sounds are heard in a few blocks, and are looked up from there. A few (“Chapter
one”) are heard in hundreds of thousands: those are looked for in the documents of the
person who asks, of which there are some thousands at most.
"""

from sqlalchemy import Connection, exists, select

from lectern.ids import DocumentId, OwnerId, VariantKey
from resources.stores import schema

FEW = 64
"""Blocks of one sound that are looked at one by one."""

_link = schema.block_audio.c
_document = schema.document.c


def some_documents(connection: Connection, key: VariantKey) -> list[DocumentId]:
    """Return documents with a block that sounds so: all, or one more than a few."""
    query = select(_link.document_id).where(_link.key == key).limit(FEW + 1)
    return [DocumentId(id_) for id_ in connection.scalars(query)]


def is_heard_by(
    connection: Connection, owner_id: OwnerId, key: VariantKey, some: list[DocumentId]
) -> bool:
    """Tell whether a document of this person, deleted or not, sounds so.

    ``some`` is what ``some_documents`` returned.
    """
    mine = select(_document.id).where(_document.owner_id == owner_id)
    if len(some) <= FEW:
        query = mine.where(_document.id.in_(some))
    else:
        sounds_so = exists().where(_link.key == key, _link.document_id == _document.id)
        query = mine.where(sounds_so)
    return connection.scalars(query.limit(1)).first() is not None
