"""Description of exceptions by type and place, without their messages."""

import logging
from pathlib import Path
from traceback import extract_tb

FAULTS = "faults"
"""The metric of invocations that raised an exception."""

MAX_FRAMES = 6


def kind_and_place(error: BaseException) -> str:
    """``KeyError in parse (request.py:31) < handle (handler.py:56)``: the innermost frames, and no message."""
    frames = extract_tb(error.__traceback__)[-MAX_FRAMES:]
    places = [f"{each.name} ({Path(each.filename).name}:{each.lineno})" for each in reversed(frames)]
    return f"{type(error).__name__} in {' < '.join(places) or 'no frame'}"


class TracebackFilter(logging.Filter):
    """Lets every record pass, its traceback replaced by kind and place."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            record.msg, record.args = f"{record.getMessage()}: {kind_and_place(error)}", ()
        record.exc_info = record.exc_text = None
        return True
