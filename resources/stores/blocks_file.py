"""The blocks of one document version, as one Parquet file.

One row a block; the file's metadata carries chapters, findings, title, language and
page count. A reader of any language with Parquet can open it.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from lectern.documents.blocks import Block, Chapter, DocumentText, Finding
from lectern.documents.pages import BlockKind, Span, SpanKind
from lectern.errors import BlobCorrupt

if TYPE_CHECKING:
    import pyarrow as pa

_METADATA = b"lectern"
_ROWS_AT_ONCE = 1500
"""A row group: enough to compress well, few enough to need little memory."""
_REPEATING: Any = ["kind", "language", "direction"]
"""Columns of few different values, worth a dictionary."""


def write_blocks(text: DocumentText) -> bytes:
    """Return a document's text as the bytes of a Parquet file.

    The same text gives the same bytes, so that preparing it again is no new version.
    """
    import pyarrow.parquet as pq

    about = {
        "title": text.title,
        "language": text.language,
        "page_count": text.page_count,
        "chapters": [asdict(chapter) for chapter in text.chapters],
        "findings": [asdict(finding) for finding in text.findings],
    }
    schema = _schema().with_metadata({_METADATA: json.dumps(about).encode()})
    sink = io.BytesIO()
    with pq.ParquetWriter(
        sink, schema, compression="zstd", use_dictionary=_REPEATING
    ) as writer:
        for first in range(0, len(text.blocks), _ROWS_AT_ONCE):
            writer.write_table(
                _table_of(text.blocks[first : first + _ROWS_AT_ONCE], schema)
            )
    return sink.getvalue()


def read_blocks(data: bytes) -> DocumentText:
    """Return the text that ``write_blocks`` wrote.

    Raises:
        BlobCorrupt: The bytes are not such a file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # `read_table` would load pandas first, which nobody here needs.
        table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        about = json.loads(table.schema.metadata[_METADATA])
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise BlobCorrupt(
            "The blocks of this document cannot be read. Prepare the document again."
        ) from error
    return DocumentText(
        blocks=tuple(_blocks_of(table)),
        chapters=tuple(Chapter(**chapter) for chapter in about["chapters"]),
        findings=tuple(Finding(**finding) for finding in about["findings"]),
        title=about["title"],
        language=about["language"],
        page_count=about["page_count"],
    )


def _schema() -> "pa.Schema":
    import pyarrow as pa

    span = pa.struct(
        [
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("kind", pa.string()),
            ("target", pa.string()),
        ]
    )
    columns: dict[str, pa.DataType] = {
        "id": pa.string(),
        "index": pa.int32(),
        "kind": pa.string(),
        "page": pa.int32(),
        "paragraph": pa.int32(),
        "start_char": pa.int64(),
        "end_char": pa.int64(),
        "shown": pa.string(),
        "spans": pa.list_(span),
        "language": pa.string(),
        "direction": pa.string(),
        "level": pa.int32(),
        "chapter": pa.int32(),
        "part": pa.int32(),
    }
    return pa.schema(columns)


def _table_of(blocks: tuple[Block, ...], schema: "pa.Schema") -> "pa.Table":
    """Return one row a block.

    Arrow reads JSON by itself; to be given Python's lists it would first load pandas,
    which takes 50 MB and a fifth of a second.
    """
    import pyarrow.json as pj

    encode = json.JSONEncoder(separators=(",", ":")).encode
    values_of = attrgetter(*schema.names)
    rows = (dict(zip(schema.names, values_of(b), strict=True)) for b in blocks)
    data = "\n".join(encode(_with_plain_spans(row)) for row in rows).encode()
    table = pj.read_json(
        io.BytesIO(data),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pj.ParseOptions(
            explicit_schema=_schema(), unexpected_field_behavior="error"
        ),
    )
    return table.cast(schema)


def _with_plain_spans(row: dict[str, Any]) -> dict[str, Any]:
    if row["spans"]:
        row["spans"] = [_plain_span(span) for span in row["spans"]]
    return row


def _plain_span(span: Span) -> dict[str, Any]:
    return {
        "start": span.start,
        "end": span.end,
        "kind": span.kind.value,
        "target": span.target,
    }


def _blocks_of(table: "pa.Table") -> Iterator[Block]:
    # By column: a dictionary for each row takes four times as long.
    columns: dict[str, list[Any]] = {
        name: table.column(name).to_pylist() for name in table.column_names
    }
    columns["kind"] = [BlockKind(kind) for kind in columns["kind"]]
    columns["spans"] = [tuple(map(_span_of, spans)) for spans in columns["spans"]]
    for row in zip(*(columns[field.name] for field in fields(Block)), strict=True):
        yield Block(*row)


def _span_of(span: dict[str, Any]) -> Span:
    return Span(span["start"], span["end"], SpanKind(span["kind"]), span["target"])
