"""Log lines on stderr: plain text, or one JSON object a line."""

import json
import logging
import sys
from datetime import UTC, datetime

from mallard.observability.log_flood import LogFloodFilter

FIELDS = ("request_id", "events", "partitions", "seconds")
"""Extra fields of a record that are keys of a JSON line; the message has them too."""


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: vars(record)[name] for name in FIELDS if name in vars(record)},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logs(*, is_json: bool, level: str) -> None:
    """Send all log lines to stderr, as text or one JSON object a line, from ``level`` (debug, info …) on.

    Libraries say no more than at info: their lines of debug hold signed requests.
    """
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.addFilter(LogFloodFilter())
    handler.setFormatter(_JsonLine() if is_json else text)
    lowest = getattr(logging, level.upper())
    logging.basicConfig(level=max(lowest, logging.INFO), handlers=[handler], force=True)
    logging.getLogger("mallard").setLevel(lowest)
    # Its access log would write addresses and full URLs.
    logging.getLogger("uvicorn.access").disabled = True
