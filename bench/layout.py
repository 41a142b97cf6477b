"""Sizes and query times of candidate segment layouts, one change at a time.

``python -m bench.layout`` measures all groups, ``python -m bench.layout order encodings`` only these.
"""

import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.layout_queries import END, QUERIES, THREADS, all_seconds
from mallard.demo.traffic import generate
from mallard.table.layout import Partition
from mallard.table.schema import EVENTS
from mallard.table.segment import (
    ROW_GROUP_ROWS,
    SORTED_BY,
    ZSTD_LEVEL,
    Segment,
    decode,
    encode,
    sort_rows,
    writer_options,
)
from mallard.table.writer import SEAL_ROWS

SITE = "demo.example.com"
SEGMENTS = 4
SMALL_ROWS = 1_000
ROUNDS = 7

_NAMES = EVENTS.names
_TEXT = [each.name for each in EVENTS if each.type == pa.string()]
_TIME = ("timestamp", "event_id")
_BLOOM = {"ndv": SEAL_ROWS, "fpp": 0.05}
_NUMBERS = [name for name in _NAMES if name not in _TEXT]

Order = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class Candidate:
    """A way to write a segment: today's, but for what is named here."""

    name: str
    order: Order = sort_rows
    options: Mapping[str, Any] = field(default_factory=dict)
    row_group_rows: int = ROW_GROUP_ROWS

    def encode(self, rows: pa.Table) -> bytes:
        """A whole file, with the marks of a segment that is not sealed."""
        ordered = self.order(rows)
        sink = pa.BufferOutputStream()
        options = {**writer_options(rows.column_names), **self.options}
        with pq.ParquetWriter(sink, ordered.schema, **options) as writer:
            writer.write_table(ordered, row_group_size=self.row_group_rows)
            writer.add_key_value_metadata({b"mallard.sealed": b"false"})
        return bytes(sink.getvalue())


def by(*names: str) -> Order:
    """An ascending order by these columns."""
    return lambda rows: rows.sort_by([(name, "ascending") for name in names])


def by_arrival(rows: pa.Table) -> pa.Table:
    """Each visitor's rows together, visitors in the order of their first event."""
    rows = by(*_TIME)(rows)
    # A dictionary numbers values as they come, and a stable sort by these numbers keeps time within each.
    arrival = rows["visitor_id"].combine_chunks().dictionary_encode(null_encoding="encode").indices
    return rows.take(pc.array_sort_indices(arrival))


def encoded(**changes: str) -> dict[str, Any]:
    """Options that give columns an encoding in place of a dictionary, or a dictionary (``DICTIONARY``)."""
    encodings = {**writer_options(_NAMES)["column_encoding"], **changes}
    plain = {name: each for name, each in encodings.items() if each != "DICTIONARY"}
    return {"column_encoding": plain, "use_dictionary": [name for name in _NAMES if name not in plain]}


def groups() -> dict[str, list[Candidate]]:
    """All candidates; the first of each group is what ``encode`` does."""
    return {
        "order": [
            Candidate(", ".join(SORTED_BY[:-1])),
            Candidate("timestamp", by(*_TIME)),
            Candidate("visitor by first event, timestamp", by_arrival),
            *(
                Candidate(", ".join([*keys, "timestamp"]), by(*keys, *_TIME))
                for keys in (
                    ("event_name",),
                    ("visitor_id",),
                    ("country_code", "visitor_id"),
                    ("country_code", "city", "os", "browser", "browser_version", "screen_size", "visitor_id"),
                )
            ),
        ],
        "row-groups": [
            Candidate(f"{ROW_GROUP_ROWS:,} rows"),
            *(Candidate(f"{rows:,} rows", row_group_rows=rows) for rows in (16_384, 32_768, 65_536)),
        ],
        "compression": [
            Candidate(f"ZSTD {ZSTD_LEVEL}"),
            *(Candidate(f"ZSTD {level}", options={"compression_level": level}) for level in (1, 6, 9)),
        ],
        "encodings": [
            Candidate("event_id, visitor_id, engagement_ms PLAIN, timestamp DELTA_BINARY_PACKED"),
            *(
                Candidate(f"{name} {kind}", options=encoded(**{name: kind}))
                for name, kinds in (
                    ("event_id", ("DICTIONARY", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT")),
                    ("timestamp", ("DICTIONARY", "PLAIN", "BYTE_STREAM_SPLIT")),
                    ("visitor_id", ("DICTIONARY", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT")),
                )
                for kind in kinds
            ),
            Candidate("engagement_ms DICTIONARY", options=encoded(engagement_ms="DICTIONARY")),
            Candidate("scroll_depth PLAIN", options=encoded(scroll_depth="PLAIN")),
            Candidate("no dictionary for text", options=encoded(**dict.fromkeys(_TEXT, "PLAIN"))),
        ],
        "footer": [
            Candidate("data page version 1, statistics of all"),
            Candidate("data page version 2", options={"data_page_version": "2.0"}),
            Candidate("page index", options={"write_page_index": True}),
            Candidate("page checksums", options={"write_page_checksum": True}),
            Candidate("statistics of numbers only", options={"write_statistics": _NUMBERS}),
            Candidate("statistics of event_id only", options={"write_statistics": ["event_id"]}),
            Candidate("bloom filter of visitor_id", options={"bloom_filter_options": {"visitor_id": _BLOOM}}),
            Candidate("bloom filters of text", options={"bloom_filter_options": dict.fromkeys(_TEXT, _BLOOM)}),
        ],
    }


def run(names: Sequence[str] = ()) -> list[str]:
    """Markdown: a table per group (all without ``names``), then the bytes of each column as ``encode`` writes them."""
    one, day = demo_day(SEAL_ROWS), demo_day(SEGMENTS * SEAL_ROWS)
    named = named_by_client(one)
    lines = [
        f"One demo day of {SEAL_ROWS:,} events for sizes and times of a segment, one of {day.num_rows:,} in {SEGMENTS}",
        f"segments for queries ({THREADS} threads). Times in ms, the least of {ROUNDS} alternating rounds. *named*:",
        "bytes per event where each id is a hash, as our script's events have it;",
        f"*small*: KB of {SMALL_ROWS:,} events.",
    ]
    for title, candidates in groups().items():
        if not names or title in names:
            print(f"Layout: {title} ...", file=sys.stderr, flush=True)
            lines += ["", f"### {title}", "", *_compare(candidates, one, named, day)]
    return [*lines, "", "### columns", "", *_columns(one, named)]


def demo_day(rows: int) -> pa.Table:
    """One whole date of demo traffic."""
    return pa.concat_tables(part for _, part in generate(SITE, events=rows, days=1, random_seed=1, end=END))


def named_by_client(rows: pa.Table) -> pa.Table:
    """The same rows with 63 random bits as ids: what a hash of the client's id looks like."""
    ids = np.random.default_rng(1).integers(0, 2**63 - 1, rows.num_rows)
    return rows.set_column(0, EVENTS.field("event_id"), pa.array(ids))


def _compare(candidates: Sequence[Candidate], one: pa.Table, named: pa.Table, day: pa.Table) -> list[str]:
    head = ["candidate", "bytes/event", "named", "small", "encode ms", "decode ms", *QUERIES]
    lines = [_row(head), _row(["---"] * len(head))]
    with tempfile.TemporaryDirectory() as folder:
        files = [_write(each, day, Path(folder, str(number))) for number, each in enumerate(candidates)]
        queries = _alternate([partial(all_seconds, each) for each in files])
    codecs = _alternate([partial(_code, each, one) for each in candidates])
    for each, codec, query in zip(candidates, codecs, queries, strict=True):
        sizes = [len(each.encode(rows)) / rows.num_rows for rows in (one, named)]
        small = len(each.encode(one.slice(0, SMALL_ROWS))) / 1024
        lines.append(_row([each.name, *(f"{size:.2f}" for size in sizes), f"{small:.0f}", *map(_ms, (*codec, *query))]))
    return lines


def _write(candidate: Candidate, day: pa.Table, folder: Path) -> list[str]:
    """The day as a partition of segments, filled in the order of time as flushes do."""
    partition = Partition(SITE, END.date())
    files = []
    for number in range(SEGMENTS):
        file = folder / partition.segment(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(candidate.encode(day.slice(number * SEAL_ROWS, SEAL_ROWS)))
        files.append(str(file))
    return files


def _code(candidate: Candidate, rows: pa.Table) -> list[float]:
    """Seconds to encode and to decode a full segment."""
    began = time.perf_counter()
    data = candidate.encode(rows)
    between = time.perf_counter()
    decode(data, candidate.name)
    return [between - began, time.perf_counter() - between]


def _alternate(measures: Sequence[Callable[[], list[float]]]) -> list[list[float]]:
    """For each its least times in seconds; the candidates take turns, so that a busy moment hits all of them."""
    rounds = [[measure() for measure in measures] for _ in range(ROUNDS)]
    return [[min(values) for values in zip(*taken, strict=True)] for taken in zip(*rounds, strict=True)]


def _columns(one: pa.Table, named: pa.Table) -> list[str]:
    """Compressed bytes per event of each column, from the footers."""
    data, other = encode(Segment(one), "w"), encode(Segment(named), "w")
    lines = [_row(["column", "bytes/event", "named", "encodings"]), _row(["---"] * 4)]
    for ours, theirs in zip(_chunks(data), _chunks(other), strict=True):
        sizes = [f"{_compressed(each) / SEAL_ROWS:.2f}" for each in (ours, theirs)]
        encodings = {encoding for each in ours for encoding in each.encodings}
        lines.append(_row([f"`{ours[0].path_in_schema}`", *sizes, ", ".join(sorted(encodings - {"RLE"}))]))
    rest = [(len(each) - sum(map(_compressed, _chunks(each)))) / SEAL_ROWS for each in (data, other)]
    lines.append(_row(["footer", *(f"{each:.2f}" for each in rest), ""]))
    lines.append(_row(["**file**", *(f"**{len(each) / SEAL_ROWS:.2f}**" for each in (data, other)), ""]))
    return lines


def _chunks(data: bytes) -> list[list[Any]]:
    """Each column's, one of every row group."""
    footer = pq.ParquetFile(pa.BufferReader(data)).metadata
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    return [[group.column(number) for group in groups] for number in range(footer.num_columns)]


def _compressed(chunks: Iterable[Any]) -> int:
    return sum(each.total_compressed_size for each in chunks)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _ms(seconds: float) -> str:
    return "unreadable" if math.isinf(seconds) else f"{seconds * 1000:.0f}"


if __name__ == "__main__":
    print("\n".join(run(sys.argv[1:])))
