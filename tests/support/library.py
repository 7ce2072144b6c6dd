"""A small library, put straight into the stores: documents, sounds, jobs."""

from lectern.accounts.people import LOCAL, Principal
from lectern.documents.blocks import Block, Chapter, DocumentText
from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind, Span, SpanKind
from lectern.ids import BlobHash, DocumentId, OwnerId, VariantKey, block_id
from lectern.speech.timing import WordTime
from resources.services import Services
from resources.stores.blocks_file import write_blocks
from resources.stores.catalog import Document, TextStats
from resources.stores.variants import Completion, Link

SOMEBODY_ELSE = Principal(OwnerId("somebody-else"))

PARAGRAPHS = (
    (BlockKind.HEADING, "A short walk"),
    (BlockKind.PARAGRAPH, "The path begins behind the mill. [4]"),
    (BlockKind.FURNITURE, "WALKS · 12"),
    (BlockKind.PARAGRAPH, "It ends where the river does."),
    (BlockKind.FOOTNOTE, "¹ On Sundays the mill is closed."),
)


def text_of(document_id: DocumentId, title: str = "A short walk") -> DocumentText:
    """Return five blocks of four kinds, with a citation."""
    blocks, place = [], 0
    for index, (kind, shown) in enumerate(PARAGRAPHS):
        start = shown.find("[4]")
        spans = (Span(start, start + 3, SpanKind.CITATION),) if start >= 0 else ()
        blocks.append(
            Block(
                id=block_id(document_id, shown, 0),
                index=index,
                kind=kind,
                page=1,
                paragraph=index,
                start_char=place,
                end_char=place + len(shown),
                shown=shown,
                spans=spans,
                language="en",
                direction="ltr",
                level=1 if kind is BlockKind.HEADING else 0,
                chapter=0,
            )
        )
        place += len(shown) + 2
    chapters = (Chapter(title, 1, 0),)
    return DocumentText(tuple(blocks), chapters, (), title, "en", page_count=1)


def new_document(
    services: Services,
    *,
    principal: Principal = LOCAL,
    title: str = "A short walk",
    content: bytes = b"%PDF-1.7 walk",
) -> Document:
    """Add a document that nothing has been done with yet."""
    return services.catalog.add(
        principal,
        title=title,
        filename="walk.pdf",
        format=Format.PDF,
        blob=services.blobs.put(content),
        size_bytes=len(content),
    )


def ready_document(
    services: Services, *, principal: Principal = LOCAL, title: str = "A short walk"
) -> Document:
    """Add a document that can be read."""
    document = new_document(
        services, principal=principal, title=title, content=title.encode()
    )
    text = text_of(document.id, title)
    return services.catalog.publish(
        document.id,
        text=text,
        blocks_blob=services.blobs.put(write_blocks(text)),
        stats=TextStats(spoken_chars=120, word_count=22),
    )


def voice_block(
    services: Services, document: Document, index: int, *, voice_id: str, sound: bytes
) -> VariantKey:
    """Give a block a sound, as a worker would, and return its key."""
    key = VariantKey(BlobHash(services.blobs.put(sound)))
    block = text_of(document.id).blocks[index]
    claim = services.variants.claim(key, "test", 60)
    assert claim is not None
    link = Link(index, block.id, block.kind, key, chars=9, duration_ms=1500)
    services.variants.complete(
        document.principal,
        document,
        voice_id=voice_id,
        completions=[
            Completion(
                claim=claim,
                link=link,
                blob=BlobHash(key),
                size_bytes=len(sound),
                words=(WordTime(0, 3, 0, 400), WordTime(4, 9, 400, 1500)),
                engine="espeak 1",
                elapsed_ms=5,
            )
        ],
    )
    return key
