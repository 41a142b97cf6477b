"""Encoding and batching of bodies and reasons for SQS."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from mallard.errors import QueueError

BATCH = 10
"""The API's limit of entries per call."""

MAX_BATCH_BYTES = 256 * 1024
MAX_MESSAGE_BYTES = MAX_BATCH_BYTES - 4096
"""The rest is room for the reason of a dead letter."""

MAX_REASON_CHARACTERS = 500

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that SQS refuses, and the whole call with them."""


def text_of(body: bytes) -> str:
    """A body for SQS. Characters that SQS rejects occur only in JSON strings, where an escape is equivalent."""
    try:
        text = _REFUSED.sub(lambda found: f"\\u{ord(found[0]):04x}", body.decode())
    except UnicodeDecodeError as error:
        raise QueueError("A message is not UTF-8.") from error
    if len(text.encode()) > MAX_MESSAGE_BYTES:
        raise QueueError(
            f"A message of {len(text.encode()):,} bytes is over the queue's limit of {MAX_MESSAGE_BYTES:,}."
        )
    return text


def reason_of(reason: str) -> dict[str, str]:
    """A reason for SQS: error messages quote bodies, so the same characters may occur in them."""
    return {"DataType": "String", "StringValue": _REFUSED.sub("?", reason)[:MAX_REASON_CHARACTERS] or "unknown"}


def batches(entries: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Batches of BATCH entries and MAX_BATCH_BYTES at most, each with room for a reason."""
    batch: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        bytes_of_entry = len(entry.get("MessageBody", "").encode())
        if "MessageAttributes" in entry:
            bytes_of_entry += MAX_BATCH_BYTES - MAX_MESSAGE_BYTES
        if batch and (len(batch) == BATCH or size + bytes_of_entry > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += bytes_of_entry
    if batch:
        yield batch
