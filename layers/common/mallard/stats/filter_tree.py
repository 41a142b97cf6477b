"""The tree of a filter: comparisons, groups, and events that a visit has, in an order or not."""

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


@dataclass(frozen=True, slots=True)
class EventSequence:
    """Events of one visit meet the filters one after the other; all their leaves are of event dimensions.

    Only the events after the first such sequence count as events.
    """

    filters: "tuple[Filter, ...]"


Filter: TypeAlias = Leaf | All | Any_ | Not | Done | EventSequence


def leaves(part: Filter) -> list[Leaf | Done | EventSequence]:
    """The comparisons of the tree; a Done and a EventSequence are one each, as their own are about other events."""
    if isinstance(part, Leaf | Done | EventSequence):
        return [part]
    if isinstance(part, Not):
        return leaves(part.filter)
    return [leaf for each in part.filters for leaf in leaves(each)]


def all_leaves(part: Filter) -> list[Leaf]:
    """The comparisons of the tree, within what was done too."""
    return [each for leaf in leaves(part) for each in _within(leaf)]


def _within(leaf: Leaf | Done | EventSequence) -> list[Leaf]:
    if isinstance(leaf, Leaf):
        return [leaf]
    inner = leaf.filters if isinstance(leaf, EventSequence) else (leaf.filter,)
    return [each for part in inner for each in all_leaves(part)]


def both(first: Filter | None, second: Filter | None) -> Filter | None:
    """The conjunction of two filters; None passes everything."""
    if first is None or second is None:
        return first or second
    return all_of((first, second))


def all_of(parts: tuple[Filter, ...]) -> Filter:
    """The conjunction of one or more filters, without groups of groups."""
    flat = tuple(each for part in parts for each in (part.filters if isinstance(part, All) else (part,)))
    return flat[0] if len(flat) == 1 else All(flat)


def one_of_them(parts: tuple[Filter, ...]) -> Filter:
    """The disjunction of one or more filters, without groups of groups."""
    flat = tuple(each for part in parts for each in (part.filters if isinstance(part, Any_) else (part,)))
    return flat[0] if len(flat) == 1 else Any_(flat)
