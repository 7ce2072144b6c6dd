"""The blocks of one document version, as one Parquet file.

One row a block; the file's metadata carries chapters, findings, title, language and
page count. A reader of any language with Parquet can open it.
"""

import io
import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from itertools import accumulate
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


def _table_of(blocks: Sequence[Block], schema: "pa.Schema") -> "pa.Table":
    """Return one row a block."""
    import pyarrow as pa

    columns = zip(*map(attrgetter(*schema.names), blocks), strict=True)
    arrays = [
        (_spans_array if column.name == "spans" else _array)(values, column.type)
        for column, values in zip(schema, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _spans_array(spans_of: Sequence[Sequence[Span]], kind: Any) -> "pa.Array[Any]":
    import pyarrow as pa

    spans = [span for spans in spans_of for span in spans]
    one = kind.value_type
    parts = [
        _array([getattr(span, part.name) for span in spans], part.type)
        for part in one.fields
    ]
    every = pa.Array.from_buffers(one, len(spans), [None], children=parts)
    buffers = [None, _offsets(map(len, spans_of))]
    return pa.Array.from_buffers(kind, len(spans_of), buffers, children=[every])


def _array(values: Sequence[Any], kind: "pa.DataType") -> "pa.Array[Any]":
    """Return texts, or whole numbers that may be None, as Arrow keeps them.

    Its own way from Python's lists first loads pandas, which takes 50 MB and a fifth
    of a second; by way of JSON it takes four times as long.
    """
    import pyarrow as pa

    if kind == pa.string():
        texts = [value.encode() for value in values]
        buffers = [None, _offsets(map(len, texts)), pa.py_buffer(b"".join(texts))]
        return pa.Array.from_buffers(kind, len(values), buffers)
    known = None
    if None in values:
        known = pa.py_buffer(_bits([value is not None for value in values]))
        values = [value or 0 for value in values]
    numbers = array("i" if kind == pa.int32() else "q", values)
    return pa.Array.from_buffers(kind, len(values), [known, pa.py_buffer(numbers)])


def _offsets(lengths: Iterable[int]) -> "pa.Buffer":
    import pyarrow as pa

    return pa.py_buffer(array("i", accumulate(lengths, initial=0)))


def _bits(flags: Sequence[bool]) -> bytes:
    """Return flags as bits, the first one lowest."""
    number = int("".join("01"[flag] for flag in reversed(flags)), 2)
    return number.to_bytes((len(flags) + 7) // 8, "little")


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
