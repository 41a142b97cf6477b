"""Response models of sequences and flow."""

from pydantic import BaseModel, Field


class Sequence(BaseModel):
    """Visitors that completed the sequence; `matches` and `median_seconds` only with `details=true`."""

    converting_visitors: int = Field(description="Visitors with the steps in the order of the pattern.")
    total_visitors: int = Field(description="All visitors of the range, under the filter.")
    conversion_rate: float = Field(description="Converting visitors as a fraction of all.")
    matches: int | None = Field(None, description="How often all of them did it, one time after the other.")
    median_seconds: list[float | None] | None = Field(
        None,
        description="From each step to the next in the first match of each visitor; null where no visitor has one.",
    )


class Value(BaseModel):
    """One value of the dimension of a breakdown."""

    value: str


class SequenceRow(Sequence, Value):
    """The same among the visitors of one value."""


class NextPage(BaseModel):
    """A page that comes next; null, with `exits=true`: none does."""

    next_page: str | None
    visitors: int
    next: "list[NextPage] | None" = Field(None, description="What comes after it, where `depth` is over 1.")


class PreviousPage(BaseModel):
    """A page that came before; null, with `exits=true`: none did."""

    previous_page: str | None
    visitors: int
    previous: "list[PreviousPage] | None" = Field(None, description="What came before it, where `depth` is over 1.")
