"""Arrow schema of ``events``, the only definition of stored columns.

``site_id`` and ``date`` stand in the path only. A column is only ever added, at the end, nullable.
No unsigned types, so that Athena, Trino and Spark read every file.
"""

import pyarrow as pa

SCHEMA_VERSION = 1

HOUR_ORDER = "hour_order"
"""Stands where ``timestamp`` is the begin of an hour, and rises within one visitor's hour; ``ingest/hour_order.py``.

A segment without such rows lacks the column, so that queries of exact times read and sort nothing for it.
"""

INTERACTIVE = "interactive"
"""False where the visitor did not cause the event, else null. A segment without such rows lacks the column."""

RARE = (HOUR_ORDER, INTERACTIVE)
"""Columns that a segment without values of them lacks."""

_TEXT = pa.string()

EVENTS = pa.schema(
    [
        pa.field("event_id", pa.int64(), nullable=False),
        pa.field("visitor_id", pa.int64()),
        pa.field("timestamp", pa.timestamp("ms"), nullable=False),
        pa.field("event_name", _TEXT, nullable=False),
        pa.field("pathname", _TEXT),
        pa.field("hostname", _TEXT),
        pa.field("referrer", _TEXT),
        pa.field("referrer_source", _TEXT),
        pa.field("channel", _TEXT),
        pa.field("utm_source", _TEXT),
        pa.field("utm_medium", _TEXT),
        pa.field("utm_campaign", _TEXT),
        pa.field("utm_content", _TEXT),
        pa.field("utm_term", _TEXT),
        pa.field("browser", _TEXT),
        pa.field("browser_version", _TEXT),
        pa.field("os", _TEXT),
        pa.field("os_version", _TEXT),
        pa.field("device_type", _TEXT),
        pa.field("screen_size", _TEXT),
        pa.field("language", _TEXT),
        pa.field("country_code", _TEXT),
        pa.field("region", _TEXT),
        pa.field("city", _TEXT),
        pa.field("props", _TEXT),
        pa.field("revenue_amount", pa.decimal128(12, 2)),
        pa.field("revenue_currency", _TEXT),
        pa.field("scroll_depth", pa.int16()),
        pa.field("engagement_ms", pa.int32()),
        pa.field(HOUR_ORDER, pa.int64()),
        pa.field(INTERACTIVE, pa.bool_()),
    ]
)

DELIVERIES = pa.schema(
    [
        *EVENTS,
        pa.field("accepted_ms", pa.int64()),
        pa.field("named_by_client", pa.bool_()),
        pa.field("salt", _TEXT),
    ]
)
"""Input of a writer: rows of ``events`` with the time of acceptance, the origin of the id, and the salt's name.

None of the three is stored.
"""

FILLED = pa.field("filled", pa.int64())
"""Bit n says that column n of EVENTS was filled in, and does not tell a row from what is stored."""

GIVEN_ID = pa.field("given_id", pa.int64())
"""The id that a row came with, where an earlier one of its file has it and ``event_id`` is made of content."""

IMPORTED = pa.schema([*DELIVERIES, FILLED, GIVEN_ID])
"""Deliveries of an import."""

MAX_EVENT_ID = 2**63 - 1
