"""Dates on the command line."""

import argparse
from datetime import date

from mallard.errors import QueryError
from mallard.stats import date_range


def read_date(text: str) -> date:
    """A date as ``YYYY-MM-DD``; argparse says what is wrong with another."""
    try:
        return date_range.read_date("date", text)
    except QueryError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write YYYY-MM-DD") from None
