"""Dates on the command line."""

import argparse
from datetime import date


def read_date(text: str) -> date:
    """A date as ``YYYY-MM-DD``; argparse says what is wrong with another."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write YYYY-MM-DD") from None
