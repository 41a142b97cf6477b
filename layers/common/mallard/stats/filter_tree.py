"""The tree of a filter: comparisons, groups, and events that a visit has."""

from dataclasses import dataclass
from typing import TypeAlias

IS, CONTAINS, MATCHES = "is", "contains", "matches"
OPERATORS = (IS, "is_not", CONTAINS, "contains_not", MATCHES, "matches_not")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One dimension compared with values, of which one is enough; they are sorted and each there once.

    ``dimension`` is one of v2's names, ``operator`` one of OPERATORS.
    """

    operator: str
    dimension: str
    values: tuple[str, ...]
    case_sensitive: bool = True

    @property
    def positive(self) -> str:
        """The operator without its ``_not``."""
        return self.operator.removesuffix("_not")

    @property
    def is_negated(self) -> bool:
        """True where the operator ends in ``_not``."""
        return self.operator != self.positive


@dataclass(frozen=True, slots=True)
class All:
    """Each of them holds."""

    filters: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801
    """One of them holds."""

    filters: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    filter: "Filter"


@dataclass(frozen=True, slots=True)
class Done:
    """It holds of one event of the visit at least; all its leaves are of event dimensions."""

    filter: "Filter"


Filter: TypeAlias = Leaf | All | Any_ | Not | Done
