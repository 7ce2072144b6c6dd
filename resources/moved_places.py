"""Bookmarks and the place of a reader, carried over to another text of a document."""

from dataclasses import replace
from typing import TYPE_CHECKING

from lectern.accounts.people import Principal
from lectern.documents.blocks import DocumentText
from lectern.ids import DocumentId

if TYPE_CHECKING:
    from resources.services import Services


def places_after(before: DocumentText, after: DocumentText) -> list[int]:
    """Return for each block the index at which its reader goes on in another text.

    That is where the same block stands, else the nearest one before it that does,
    else as far into the text as it was.
    """
    at = {block.id: block.index for block in after.blocks}
    last = len(after.blocks) - 1
    moved: list[int] = []
    for block in before.blocks:
        share = block.index / max(1, len(before.blocks))
        nearest = moved[-1] if moved and moved[-1] >= 0 else round(share * last)
        moved.append(at.get(block.id, min(nearest, last)))
    return moved


def move_places(
    services: "Services",
    principal: Principal,
    document_id: DocumentId,
    before: DocumentText,
    after: DocumentText,
) -> None:
    """Let bookmarks and cursor stand at their text, or at the nearest before it."""
    if [block.id for block in before.blocks] == [block.id for block in after.blocks]:
        return
    moved = places_after(before, after)
    at = {block.id: block.index for block in after.blocks}
    for bookmark in services.bookmarks.list(principal, document_id):
        old = min(bookmark.block_index, len(moved) - 1)
        place = at.get(bookmark.block_id, moved[old])
        services.bookmarks.move(principal, bookmark.id, place)
    cursor = services.cursors.get(principal, document_id)
    if cursor is not None:
        place = moved[min(cursor.block_index, len(moved) - 1)]
        is_same = before.blocks[cursor.block_index : cursor.block_index + 1] and (
            before.blocks[cursor.block_index].id == after.blocks[place].id
        )
        there = replace(
            cursor,
            block_index=place,
            offset_ms=cursor.offset_ms if is_same else 0,
            session="moved",  # not a reader's own, so that any reader goes on
            sequence=0,
            updated_at=None,
        )
        services.cursors.put(principal, document_id, there)
