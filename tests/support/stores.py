"""Documents, texts and voiced blocks, as small as a test needs them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from lectern.accounts.people import LOCAL, Principal
from lectern.accounts.plans import PersonalLimits
from lectern.documents.blocks import Block, DocumentText
from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind
from lectern.ids import DocumentId, OwnerId, VariantKey, block_id, digest
from lectern.settings import Settings
from lectern.speech.timing import WordTime
from resources.services import Services
from resources.stores.blocks_file import write_blocks
from resources.stores.catalog import Document, TextStats
from resources.stores.clock_watch import ClockWatch
from resources.stores.uploads import Upload
from resources.stores.variants import Claim, Completion, Link

OTHER = Principal(OwnerId("somebody-else"))
VOICE = "test:voice"


class Clock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)


def let_days_pass(services: Services, clock: Clock, days: float) -> None:
    """Let days go by with the machine on, so that a sweep believes the clock."""
    clock.pass_(days * 86_400 - 3600)
    ClockWatch(services.preferences).look(clock.now)
    clock.pass_(3600)


def settings_in(folder: Path) -> Settings:
    """Return settings whose data lies in a folder."""
    return Settings(_env_file=None, data_dir=folder, disk_reserve_bytes=0)


def some_text(*shown: str, title: str = "") -> DocumentText:
    """Return a document of one-block paragraphs."""
    blocks = []
    for index, words in enumerate(shown):
        repeat = shown[:index].count(words)
        blocks.append(
            Block(
                id=block_id(DocumentId("d"), words, repeat),
                index=index,
                kind=BlockKind.PARAGRAPH,
                page=1,
                paragraph=index,
                start_char=0,
                end_char=len(words),
                shown=words,
                spans=(),
                language="en",
                direction="ltr",
                level=0,
                chapter=None,
            )
        )
    return DocumentText(tuple(blocks), (), (), title, "en", page_count=1)


def add_document(
    services: Services,
    *shown: str,
    principal: Principal = LOCAL,
    title: str = "A book",
) -> Document:
    """Add a document; readable at once when texts of blocks are given."""
    data = "\n".join(shown or (title,)).encode()
    document = services.catalog.add(
        principal,
        title=title,
        filename="book.txt",
        format=Format.TEXT,
        blob=services.blobs.put(data),
        size_bytes=len(data),
    )
    return publish(services, document, *shown) if shown else document


def publish(services: Services, document: Document, *shown: str) -> Document:
    """Make these blocks the text of a document."""
    text = some_text(*shown)
    return services.catalog.publish(
        document.id,
        text=text,
        blocks_blob=services.blobs.put(write_blocks(text)),
        stats=TextStats(sum(map(len, shown)), sum(len(s.split()) for s in shown)),
    )


def key_of(words: str) -> VariantKey:
    """Return the variant key of a text in the tests' one voice."""
    return VariantKey(digest(words))


def link_to(words: str, *, index: int = 0, block: str | None = None) -> Link:
    """Return “the block at this index sounds like this text”."""
    name = block if block is not None else f"{index}:{words}"
    return Link(
        block_index=index,
        block_id=block_id(DocumentId("d"), name, 0),
        block_kind=BlockKind.PARAGRAPH,
        key=key_of(words),
        chars=len(words),
        duration_ms=len(words) * 60,
    )


def made(services: Services, claim: Claim, link: Link) -> Completion:
    """Return a claimed variant as if an engine had made it."""
    audio = f"audio of {link.key}".encode()
    return Completion(
        claim=claim,
        link=link,
        blob=services.blobs.put(audio),
        size_bytes=len(audio),
        words=(WordTime(0, link.chars, 0, link.duration_ms),),
        engine="test",
        elapsed_ms=7,
    )


def voice(services: Services, document: Document, link: Link) -> None:
    """Have a block voiced by whoever is first."""
    claim = services.variants.claim(link.key, "test", 60)
    assert claim is not None
    services.variants.complete(
        document.principal,
        document,
        voice_id=VOICE,
        completions=[made(services, claim, link)],
    )


def give(
    services: Services, principal: Principal, *, plan: str | None = None, **limits: int
) -> None:
    """Let a person have other limits than their plan's."""
    wanted = PersonalLimits(plan=plan, overrides=limits)
    services.limits.change(LOCAL, principal.owner_id, wanted)


def file_of(services: Services, upload: Upload) -> Path:
    """Return where the bytes of an upload lie, whether it has ended or not."""
    return services.settings.root / "uploads" / f"{upload.id}.part"
