"""Texts that come without a document: their blocks, and what stands for the document.

Their blocks are what those of a document are: the same sentences, cut the same way, and
so often sounds that exist already.
"""

import re
from datetime import UTC, datetime

from lectern.accounts.people import Principal
from lectern.documents.blocks import Block
from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind
from lectern.documents.script import direction_of
from lectern.documents.splitting import cut, needs_sentences
from lectern.ids import NO_DOCUMENT, BlobHash, block_id
from lectern.jobs.states import DocumentState
from lectern.speech.voices import Voice
from resources.engines.sentences import sentence_starts
from resources.stores.catalog import Document

PARAGRAPH_END = re.compile(r"\n\s*\n")


def blocks_of(text: str, *, language: str) -> list[Block]:
    """Return a text as blocks: paragraphs end at empty lines."""
    seen: dict[str, int] = {}
    blocks: list[Block] = []
    for number, piece in enumerate(PARAGRAPH_END.split(text)):
        paragraph = " ".join(piece.split())
        starts = (
            sentence_starts(paragraph, language) if needs_sentences(paragraph) else ()
        )
        for part, (start, end) in enumerate(cut(paragraph, starts)):
            shown = paragraph[start:end]
            seen[shown] = seen.get(shown, -1) + 1
            blocks.append(
                Block(
                    id=block_id(NO_DOCUMENT, shown, seen[shown]),
                    index=len(blocks),
                    kind=BlockKind.PARAGRAPH,
                    page=1,
                    paragraph=number,
                    start_char=start,
                    end_char=end,
                    shown=shown,
                    spans=(),
                    language=language,
                    direction=direction_of(shown, language),
                    level=0,
                    chapter=None,
                    part=part,
                )
            )
    return blocks


def no_document(principal: Principal, voice: Voice) -> Document:
    """Return what stands for a document where there is none."""
    now = datetime.now(UTC)
    return Document(
        id=NO_DOCUMENT,
        owner_id=principal.owner_id,
        title="",
        filename="",
        format=Format.TEXT,
        blob=BlobHash(""),
        size_bytes=0,
        state=DocumentState.READY,
        error_code=None,
        error_message=None,
        version=1,
        revision=1,
        page_count=1,
        block_count=0,
        spoken_chars=0,
        word_count=0,
        language=voice.language,
        blocks_blob=None,
        policy={},
        voice_id=voice.id,
        created_at=now,
        updated_at=now,
        deleted_at=None,
    )
