"""The memory of an import, measured at a process of its own."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from mallard.demo.traffic import generate
from transfer.files import SITE

pytestmark = pytest.mark.heavy

LIMIT_BYTES = 1_000_000_000
DAYS = 90
ROWS = 300_000

# Not by getrusage: what it tells begins with the memory of the process that started this one.
RUN = (
    "import re, sys; from pathlib import Path; from mallard.cli import main; code = main(sys.argv[1:]);"
    " print(1024 * int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])); sys.exit(code)"
)


def write_csv(path: Path, copies: int) -> None:
    """The same rows so many times over: as the file grows, its dates come round again and again."""
    days = generate(SITE, events=ROWS, days=DAYS, random_seed=1, end=datetime(2026, 1, 31, tzinfo=UTC))
    rows = pa.concat_tables(day.drop_columns(["event_id"]) for _, day in days)
    index = rows.schema.get_field_index("timestamp")
    rows = rows.set_column(index, "timestamp", rows["timestamp"].cast(pa.string()))
    with pyarrow.csv.CSVWriter(path, rows.schema) as writer:
        for _ in range(copies):
            writer.write_table(rows)


def peak_bytes(file: Path, data: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", RUN, "import", str(file), "--site", SITE],
        env={"MALLARD_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.split()[-1])


@pytest.mark.parametrize("copies", [1, 4])
def test_an_import_of_any_size_stays_below_a_gigabyte(tmp_path: Path, copies: int) -> None:
    write_csv(tmp_path / "a.csv", copies)
    assert peak_bytes(tmp_path / "a.csv", tmp_path / "data") < LIMIT_BYTES
    files = list((tmp_path / "data" / "events").rglob("*.parquet"))
    assert sum(pq.read_metadata(file).num_rows for file in files) == copies * ROWS
