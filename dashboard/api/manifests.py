"""The manifest: all a browser needs to show a document and to know what will be said.

Sent once over HTTP with short field names, as a book has 12 000 blocks and a page
must not wait for it on every rerun.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from lectern.documents.blocks import Block, DocumentText
from lectern.documents.pages import BlockKind
from lectern.documents.spoken import (
    DEFAULT_POLICY,
    Policy,
    Spoken,
    skipped_summary,
    speak,
)
from lectern.jobs.states import DocumentState
from lectern.speech.alignment import is_shown_as_said, normalised_stretches
from lectern.speech.pauses import pause_after_ms
from lectern.speech.variants import normalise
from resources.stores.catalog import Document

MS_PER_CHAR = 62
"""Estimate until a block is voiced: espeak-ng's 175 words a minute."""
MS_PER_IDEOGRAPH = 210
IDEOGRAPHIC = {"zh", "ja", "ko", "yue"}


def full_policy(policy: Policy) -> dict[str, str]:
    """Return what is done with every kind of text, choices applied."""
    return {str(k): str(v) for k, v in {**DEFAULT_POLICY, **policy}.items()}


def skipped_entries(text: DocumentText | None, policy: Policy) -> list[dict[str, Any]]:
    """Return which kinds are not read out word for word, and how often they occur."""
    if text is None:
        return []
    return [
        {"kind": str(part.kind), "count": part.count, "action": str(part.action)}
        for part in skipped_summary(text.blocks, policy)
    ]


def estimated_ms(kind: BlockKind, spoken: Spoken, language: str) -> int:
    """Return about how long a text takes to say."""
    per_char = MS_PER_IDEOGRAPH if language in IDEOGRAPHIC else MS_PER_CHAR
    return pause_after_ms(kind, spoken.text) + len(spoken.text) * per_char


def block_entry(block: Block, policy: Policy) -> dict[str, Any]:
    """Return one block as the browser reads it (fields: docs/api.md)."""
    spoken = speak(block, policy)
    entry: dict[str, Any] = {
        "i": block.index,
        "id": block.id,
        "k": str(block.kind),
        "p": block.page,
        "g": block.paragraph,
        "t": block.shown,
        "l": block.level,
        "n": block.language,
    }
    if block.direction == "rtl":
        entry["r"] = True
    if spoken.skipped_because:
        entry["x"] = spoken.skipped_because
    else:
        entry["d"] = estimated_ms(block.kind, spoken, block.language)
        said = normalise(spoken.text)
        if said != block.shown and not is_shown_as_said(said, block.shown):
            entry["m"] = [
                [s.spoken_start, s.spoken_end, s.shown_start, s.shown_end]
                for s in normalised_stretches(spoken)
            ]
    if block.spans:
        entry["s"] = [[s.start, s.end, str(s.kind), s.target] for s in block.spans]
    return entry


def build_manifest(
    document: Document, text: DocumentText | None, *, voice_id: str, window: int
) -> bytes:
    """Return a document's manifest as JSON; without blocks while it is prepared."""
    policy = document.policy
    body = {
        "id": document.id,
        "title": document.title,
        "version": document.version,
        "state": str(document.state),
        "language": document.language,
        "voice": voice_id,
        "blocks": _entries(text.blocks, policy) if text else [],
        "chapters": [
            {"i": chapter.block_index, "t": chapter.title, "l": chapter.level}
            for chapter in (text.chapters if text else ())
        ],
        "skipped": skipped_entries(text, policy),
        "policy": full_policy(policy),
        "window": window,
    }
    if document.state is DocumentState.FAILED:
        body["error"] = {
            "code": document.error_code,
            "message": document.error_message,
        }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _entries(blocks: Iterable[Block], policy: Policy) -> list[dict[str, Any]]:
    return [block_entry(block, policy) for block in blocks]


def etag_of(manifest: bytes) -> str:
    """Return the entity tag of a manifest."""
    return f'"{hashlib.sha256(manifest).hexdigest()[:24]}"'
