"""A flood of refusals in the log: some lines of each kind, and a count of the others."""

import logging

import pytest

from mallard.bootstrap.logs import set_up_logs
from mallard.config import Settings
from mallard.observability.log_flood import MOST_KINDS, MOST_LINES, WINDOW_SECONDS, LogFloodFilter


class Log:
    """The lines that pass a filter, under a clock that stands."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lines: list[str] = []
        self._flood = LogFloodFilter(lambda: self.now)

    def say(self, text: str, *values: object, level: int = logging.ERROR) -> None:
        record = logging.LogRecord("mallard.query", level, "file.py", 1, text, values, None)
        if self._flood.filter(record):
            self.lines.append(record.getMessage())


def test_log_flood_is_cut_to_some_lines_and_a_count() -> None:
    log = Log()
    for number in range(500):
        log.say("%s failed (request %s)", "/api/stats/main", number)
    assert len(log.lines) == MOST_LINES
    log.now = WINDOW_SECONDS
    log.say("%s failed (request %s)", "/api/stats/main", 500)
    log.say("%s failed (request %s)", "/api/stats/main", 501)
    assert log.lines[MOST_LINES:] == [
        f"/api/stats/main failed (request 500) (and {500 - MOST_LINES} more like it before)",
        "/api/stats/main failed (request 501)",
    ]


def test_log_flood_of_one_kind_does_not_suppress_other_lines() -> None:
    log = Log()
    for number in range(500):
        log.say("event not stored: %s", number)
        log.say("flushed %s", number, level=logging.INFO)
    log.say("partition %s not written", "a")
    assert len(log.lines) == MOST_LINES + 500 + 1


def test_log_flood_filter_remembers_a_bounded_number_of_kinds() -> None:
    log = Log()
    for number in range(MOST_KINDS + 1):
        log.say(f"kind {number}")
    for _ in range(MOST_LINES):
        log.say("kind 0")
    assert log.lines.count("kind 0") == MOST_LINES + 1


def test_server_log_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(Settings())
    for number in range(100):
        logging.getLogger("mallard.query").error("%s failed (request %s)", "/api/stats/main", number)
    assert capsys.readouterr().err.count("failed (request") == MOST_LINES
