"""Schemas of segments: a saved filter as it is given and as it is answered."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mallard.sites.segments import SavedSegment


class SegmentGiven(BaseModel):
    """A segment to save."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="1 to 100 characters.")
    filters: list[Any] = Field(description="As in docs/filters.md, without other segments.")


class SegmentRow(BaseModel):
    """A saved segment; ``["is", "segment", [id]]`` filters by it."""

    id: int
    name: str
    filters: list[Any]
    created_at: str
    updated_at: str


class SegmentDeleted(BaseModel):
    """The segment is deleted; other instances know within five seconds."""

    deleted: bool = True


def segment_row(segment: SavedSegment) -> SegmentRow:
    """A segment as it is answered."""
    return SegmentRow(
        id=segment.id,
        name=segment.name,
        filters=segment.filters,
        created_at=segment.created_at,
        updated_at=segment.updated_at,
    )
