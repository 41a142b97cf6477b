"""Random filters as JSON, over the columns that random events have."""

from random import Random
from typing import Any

from mallard.event import PAGEVIEW

PAGES = ["/", "/a", "/b", "/b/c", "/none"]
VALUES = {
    "event:page": PAGES,
    "event:name": [PAGEVIEW, "signup", "other"],
    "visit:entry_page": [*PAGES, "(not set)"],
    "visit:exit_page": [*PAGES, "(unknown)"],
    "visit:browser": ["Firefox", "Chrome", "(unknown)", "(not set)"],
    "visit:country": ["DE", "US", "(not set)"],
    "visit:source": ["Google", "Direct", "Direct / None"],
}


def random_condition(random: Random, depth: int) -> list[Any]:
    """Any tree over the columns that the rows have."""
    kind = random.randrange(8) if depth else 0
    if kind == 7:
        return [random.choice(["has_done", "has_not_done"]), random_leaf(random, ["event:page", "event:name"])]
    if kind == 6:
        return ["not", random_condition(random, depth - 1)]
    if kind >= 4:
        parts = [random_condition(random, depth - 1) for _ in range(random.randint(1, 3))]
        return [random.choice(["and", "or"]), parts]
    return random_leaf(random, [*VALUES])


def random_leaf(random: Random, dimensions: list[str]) -> list[Any]:
    dimension = random.choice(dimensions)
    wanted = random.sample(VALUES[dimension], random.randint(1, 2))
    operator = random.choice(["is", "is", "is_not", "contains", "contains_not", "matches", "matches_not"])
    if operator.startswith("matches"):
        wanted = ["^/.$" if dimension.endswith("page") else "^[A-G]", "x"]
    return [operator, dimension, wanted]
