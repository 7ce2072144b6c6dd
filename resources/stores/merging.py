"""How requests for variants were met: the block-variant merge case.

A request finds its sound because the same block was asked before, or because the
same text stands elsewhere: in this document, in another of this person's, or in
somebody else's. The last three are merges; how often they happen is what the
ancestor of Lectern wanted to know, and never measured.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from lectern.accounts.people import Principal
from lectern.ids import BlockId, DocumentId, OwnerId, VariantKey
from lectern.speech.variants import Outcome
from resources.stores import schema
from resources.stores.ownership import is_heard_by, some_documents
from resources.stores.portions import portions

_variant = schema.variant.c
_link = schema.block_audio.c


class MergeCase:
    """Tells the requests of one transaction apart by what stands in the database."""

    def __init__(
        self,
        connection: Connection,
        principal: Principal,
        document_id: DocumentId,
        keys: Iterable[VariantKey],
    ) -> None:
        self._connection = connection
        self._owner_id = principal.owner_id
        self._origins: dict[VariantKey, OwnerId] = {}  # who had it made
        self._blocks: dict[VariantKey, set[BlockId]] = {}  # of this document
        self._legacy_block: dict[VariantKey, BlockId] = {}
        self._moved: dict[VariantKey, BlockId] = {}
        for some in portions(keys):
            self._load(document_id, some)

    def _load(self, document_id: DocumentId, keys: list[VariantKey]) -> None:
        variants = select(
            _variant.key, _variant.first_owner_id, _variant.legacy_block_id
        )
        for key, owner_id, block_id in self._connection.execute(
            variants.where(_variant.key.in_(keys))
        ):
            self._origins[key] = owner_id
            self._legacy_block[key] = block_id
        blocks = select(_link.key, _link.block_id).where(
            _link.key.in_(keys), _link.document_id == document_id
        )
        for key, block_id in self._connection.execute(blocks):
            self._blocks.setdefault(key, set()).add(block_id)

    def exists(self, key: VariantKey) -> bool:
        """Tell whether the variant exists."""
        return key in self._origins

    def met(
        self, key: VariantKey, block_id: BlockId, *, is_joined: bool
    ) -> tuple[Outcome, bool]:
        """Return how a request was met, and whether ownership would have moved."""
        blocks = self._blocks.setdefault(key, set())
        outcome = Outcome.JOINED if is_joined else self._outcome(key, block_id, blocks)
        blocks.add(block_id)
        # The ancestor let one block own a variant, and moved that on a request
        # which found audio, not on one which waited for it.
        flip = not is_joined and self._legacy_block[key] != block_id
        if flip:
            self._legacy_block[key] = self._moved[key] = block_id
        return outcome, flip

    def _outcome(
        self, key: VariantKey, block_id: BlockId, blocks: set[BlockId]
    ) -> Outcome:
        if block_id in blocks:
            return Outcome.REPLAYED
        if blocks:
            return Outcome.MERGED_SAME_DOCUMENT
        if self._is_of_same_owner(key):
            return Outcome.MERGED_SAME_OWNER
        return Outcome.MERGED_OTHER_OWNER

    def _is_of_same_owner(self, key: VariantKey) -> bool:
        """Tell whether blocks of this person sound so; where none do, who was first."""
        some = some_documents(self._connection, key)
        if not some:
            return self._origins[key] == self._owner_id
        return is_heard_by(self._connection, self._owner_id, key, some)

    def keep_legacy_owners(self) -> None:
        """Keep which block the ancestor would now call each variant's owner."""
        for key, block_id in self._moved.items():
            statement = update(schema.variant).where(_variant.key == key)
            self._connection.execute(statement.values(legacy_block_id=block_id))
