"""Identifiers: what they are made from."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from lectern.ids import BLOCK_NAMESPACE, DocumentId, block_id


@given(st.text(), st.integers(0, 9))
def test_a_block_is_named_by_a_uuid5_of_its_document_text_and_repeat(shown, repeat):
    document = DocumentId("0" * 32)
    shown = shown.encode("utf-8", "ignore").decode()

    found = block_id(document, shown, repeat)

    name = f"{document}\x00{repeat}\x00{shown}"
    assert found == str(uuid.uuid5(BLOCK_NAMESPACE, name))
