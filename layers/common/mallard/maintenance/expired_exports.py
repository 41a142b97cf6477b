"""Deletion of exports after their hour."""

from datetime import datetime, timedelta

from mallard.store.base import Store
from mallard.table.layout import EXPORTS

KEPT = timedelta(hours=1)


def delete_old_exports(store: Store, now: datetime) -> int:
    """Remove what was written more than KEPT ago, by the store's own clock where it has one; how many objects."""
    exports = list(store.list(EXPORTS))
    if not exports:
        return 0
    oldest = ((store.server_time() or now) - KEPT).timestamp()
    old = [row for row in exports if row.modified < oldest]
    for row in old:
        store.delete(row.key)
    return len(old)
