"""Filters carried out over the blocks of documents.

Blocks as they were cut are kept beside those that are read, so that another filter
needs neither the pages nor the cutting again. A document knows by which versions of
which filters its text was made; where others are in force by now it is filtered anew
when it is next opened or played, and only blocks that are said otherwise are voiced
again, as a sound is named by what is said.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lectern.accounts.people import Principal
from lectern.documents.blocks import DocumentText
from lectern.documents.filter_patterns import compiled
from lectern.documents.filtering import Filtered, filtered
from lectern.documents.filters import Rule, active_rules, rules_digest
from lectern.errors import BadPattern
from lectern.ids import BlobHash, DocumentId
from resources.moved_places import move_places
from resources.stores.blocks_file import read_blocks, write_blocks
from resources.stores.catalog import Artifact, Document
from resources.stores.filters import KeptFilter
from resources.text_stats import text_stats
from resources.texts import text_of

if TYPE_CHECKING:
    from resources.services import Services

UNFILTERED = "unfiltered_blocks"
"""Name of the artifact that keeps the blocks as they were cut."""
ROUNDS = 5
"""Filters that change all the while are taken as they are after so many tries."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InForce:
    """The filters that bear on a document, as they are now."""

    filters: Sequence[KeptFilter]
    rules: tuple[Rule, ...]  # those that are on and can be used

    @property
    def name(self) -> str:
        """Return the digest of the rules; empty when there are none."""
        return rules_digest(self.rules)

    def account(self, result: Filtered) -> dict[str, Any]:
        """Return what is kept of a filtering beside the text."""
        return {
            "rules": self.name,
            "filters": [
                [kept.id, kept.version, kept.filter.name]
                for kept in self.filters
                if kept.filter.is_enabled
            ],
            "places": result.places,
            "blocks": len(result.touched),
            "left_out": result.work.left_out,
        }


class Filtering:
    """Makes the text that is read of blocks as they were cut."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._catalog = services.catalog
        self._blobs = services.blobs

    def in_force(self, principal: Principal, document_id: DocumentId) -> InForce:
        """Return the filters that bear on a document now."""
        kept = self._services.filters.bearing_on(principal, document_id)
        rules = active_rules(one.filter for one in kept)
        return InForce(kept, tuple(filter(_is_usable, rules)))

    def made_by(self, document: Document) -> dict[str, Any]:
        """Return by which filters the text that is read was made, and what they did."""
        kept = self._unfiltered(document)
        return {} if kept is None else dict(kept.metadata)

    def told(self, document: Document) -> dict[str, str | int]:
        """Return in words what filters did to the text that is read."""
        about = self.made_by(document)
        named = (f"{name} (version {n})" for _, n, name in about.get("filters", ()))
        return {
            "filters": ", ".join(named) or "none",
            "filtered_places": int(about.get("places", 0)),
            "filtered_blocks": int(about.get("blocks", 0)),
        }

    def source_of(self, document: Document) -> BlobHash | None:
        """Return the blocks, as they were cut, of the text that is read."""
        kept = self._unfiltered(document)
        return document.blocks_blob if kept is None else kept.blob

    def is_stale(self, document: Document) -> bool:
        """Whether other filters are in force than those that made the text."""
        in_force = self.in_force(document.principal, document.id)
        return in_force.name != str(self.made_by(document).get("rules", ""))

    def publish(
        self,
        document: Document,
        text: DocumentText,
        source: BlobHash,
        *,
        instead_of: BlobHash | None = None,
    ) -> Document:
        """Filter blocks that were just cut (or chosen), and make them readable."""
        in_force = self.in_force(document.principal, document.id)
        result = filtered(text, in_force.rules)
        blob = self._blobs.put(write_blocks(result.text)) if result.touched else source
        stats = text_stats(result.text, document.policy)
        with self._services.database.write() as connection:
            published = self._catalog.publish(
                document.id,
                text=result.text,
                blocks_blob=blob,
                stats=stats,
                instead_of=instead_of,
                connection=connection,
            )
            is_ours = published.blocks_blob == blob
            if is_ours and (in_force.name or self._has_source(document.id)):
                about = {"filtered": blob, **in_force.account(result)}
                self._catalog.put_artifact(
                    document.id, UNFILTERED, source, about, connection=connection
                )
        return published

    def refresh(self, document: Document) -> Document:
        """Return a document whose text is made by the filters in force.

        Costs two look-ups when it is already. What is filtered at the same time by
        another process is the same text; whoever finds other filters in force by the
        time it has published begins again.
        """
        for _ in range(ROUNDS):
            source = self.source_of(document)
            if source is None or not self.is_stale(document):
                return document
            text = read_blocks(self._blobs.read(source))
            before = document
            document = self.publish(
                document, text, source, instead_of=before.blocks_blob
            )
            self._move_places(before, document)
        return document

    def _move_places(self, before: Document, after: Document) -> None:
        """Let places stand at their text where filters left out whole blocks of it."""
        if before.block_count == after.block_count:
            return
        was, now = text_of(self._services, before), text_of(self._services, after)
        if was is not None and now is not None:
            move_places(self._services, after.principal, after.id, was, now)

    def source_text(self, document: Document) -> DocumentText | None:
        """Return the blocks of the text that is read as they were cut."""
        source = self.source_of(document)
        return None if source is None else read_blocks(self._blobs.read(source))

    def _has_source(self, document_id: DocumentId) -> bool:
        return self._catalog.artifact(document_id, UNFILTERED) is not None

    def _unfiltered(self, document: Document) -> Artifact | None:
        """Return what is kept beside the text, if it belongs to what is read now."""
        kept = self._catalog.artifact(document.id, UNFILTERED)
        if kept is None or kept.metadata.get("filtered") != document.blocks_blob:
            return None
        return kept


def _is_usable(rule: Rule) -> bool:
    try:
        compiled(rule)
    except BadPattern as error:  # by another version of RE2 than when it was kept
        logger.warning("A rule is left out. %s", error.message)
        return False
    return True
