"""What docs/queue.md tells a person to do works, and its figures are the code's."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from mallard.flush.drain import ROUND_TIME
from mallard.queue.base import MAX_PAUSE_SECONDS, VISIBILITY_SECONDS, pause_seconds
from mallard.queue.local import DEAD_LETTER_SECONDS, LocalQueue
from mallard.queue.sqs import CONNECTIONS
from mallard.queue.sqs_entries import MAX_MESSAGE_BYTES
from support.sqlite import rows

TEXT = (Path(__file__).parents[2] / "docs" / "queue.md").read_text()


def test_documented_sql_requeues_dead_letters(tmp_path: Path) -> None:
    (sql,) = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "queue.sqlite"
    with closing(LocalQueue(file)) as queue:
        queue.send([b"1", b"2", b"3"])
        queue.set_aside([(each, "broken") for each in queue.receive(2)])
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.executescript(sql)
        assert [each.body for each in queue.receive(10)] == [b"3", b"1", b"2"]
        assert rows(file, "SELECT * FROM set_aside") == []


def test_queue_document_figures_match_the_code() -> None:
    assert f"Visibility timeout of {VISIBILITY_SECONDS} s" in TEXT
    assert f"later than {ROUND_TIME.total_seconds():.0f} s" in TEXT
    assert f"{pause_seconds(1)} s, then twice as long each time, up to {MAX_PAUSE_SECONDS // 60} minutes" in TEXT
    assert f"table `set_aside` of the file, {DEAD_LETTER_SECONDS // 86_400} days" in TEXT
    assert f"{MAX_MESSAGE_BYTES // 1024} KB" in TEXT
    assert f"up to {CONNECTIONS} at once" in TEXT


def test_documented_hundred_receives_span_almost_a_day() -> None:
    hours = sum(pause_seconds(receives) for receives in range(1, 100)) / 3600
    assert 20 < hours < 24
