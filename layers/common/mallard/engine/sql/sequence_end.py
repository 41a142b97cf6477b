"""SQL of the moment at which a visit's first sequence of events is complete."""

from collections.abc import Sequence

END = "CAST(NULL AS HUGEINT)"


def sequence_end(steps: Sequence[str], moment: str) -> str:
    """An aggregate over a visit's events: the ``moment`` of the last event of the first sequence; NULL without one.

    ``steps`` are conditions of an event that are never NULL. The first event that meets the next step takes it, so the
    sequence ends as early as any can. Each event is looked at once.
    """
    mask = " + ".join(f"CASE WHEN {step} THEN {1 << number} ELSE 0 END" for number, step in enumerate(steps))
    events = f"list({{'step': {mask}, 'at': {moment}}} ORDER BY {moment}) FILTER (({mask}) > 0)"
    last = len(steps) - 1
    return (
        f"list_reduce(list_prepend({{'step': 0, 'at': {END}}}, {events}), lambda done, each: CASE"
        f" WHEN done.step <= {last} AND (each.step >> done.step) & 1 = 1"
        f" THEN {{'step': done.step + 1, 'at': CASE WHEN done.step = {last} THEN each.at END}}"
        " ELSE done END).at"
    )
