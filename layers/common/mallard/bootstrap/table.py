"""Opens the writer of the table."""

import secrets

from mallard.store.base import Store
from mallard.store.lease import Lease
from mallard.table.unconditional_writer import UnconditionalWriter
from mallard.table.writer import SEAL_ROWS, TableWriter

HOLDER_BYTES = 8


def open_table(
    store: Store, *, seal_rows: int = SEAL_ROWS, retention_days: int = 0, single_writer: bool = False
) -> TableWriter:
    """A writer; as a single one it names itself at random in the lease, so that no two processes are one holder."""
    names = UnconditionalWriter(store, Lease(store, secrets.token_hex(HOLDER_BYTES))) if single_writer else None
    return TableWriter(store, seal_rows=seal_rows, retention_days=retention_days, unique_names=names)
