"""Record batches with timestamps, or all columns but integers, as text."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

INTEGERS = (pa.int64(), pa.int32(), pa.int16())


def with_text_timestamps(batch: Any) -> Any:
    """The batch with its timestamps (naive, UTC) in RFC 3339."""
    columns = [_rfc3339(column) if _is_timestamp(column.type) else column for column in batch]
    return pa.RecordBatch.from_arrays(columns, schema=text_timestamps_schema(batch.schema))


def text_timestamps_schema(schema: pa.Schema) -> pa.Schema:
    """The schema of ``with_text_timestamps``."""
    return pa.schema([field.with_type(pa.string()) if _is_timestamp(field.type) else field for field in schema])


def as_text(batch: Any) -> Any:
    """The batch with all columns but INTEGERS as text; timestamps (naive, UTC) in RFC 3339."""
    columns = [
        column if column.type in INTEGERS else column.cast(pa.string()) for column in with_text_timestamps(batch)
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def text_schema(schema: pa.Schema) -> pa.Schema:
    """The schema of ``as_text``."""
    return pa.schema([pa.field(each.name, each.type if each.type in INTEGERS else pa.string()) for each in schema])


def _is_timestamp(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind))


def _rfc3339(column: Any) -> Any:
    return pc.replace_substring(pc.binary_join_element_wise(column.cast(pa.string()), "Z", ""), " ", "T")
