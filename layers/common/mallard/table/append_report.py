"""Counts of an append to the table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AppendReport:
    """Numbers of written rows, duplicates, and rows from before an erasure of their partition."""

    written: int = 0
    duplicates: int = 0
    erased: int = 0

    def __add__(self, other: "AppendReport") -> "AppendReport":
        return AppendReport(
            self.written + other.written, self.duplicates + other.duplicates, self.erased + other.erased
        )
