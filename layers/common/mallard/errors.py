"""The tree of exceptions. A rejected request is a value (``Dropped``), never an exception.

MallardError
├── ConfigError            a setting is wrong; the start stops with its sentence
├── StoreError             the object store did not do what was asked
│   ├── ConflictError          the condition of a write did not hold: surely not written
│   ├── StoreUnavailableError  no answer, or an unclear one: written or not, only a read can tell
│   │   ├── StoreUnsupportedError  the server says that it does not know what was asked
│   │   └── DamagedObjectError     a small object does not hold what was written; its sentence names it
│   ├── UnsafeStoreError       the server does not keep the conditions of writes; its sentence says which
│   └── LeaseTakenError        another process writes where only one may; nothing was written
├── QueueError             the queue could not take, give or settle messages
│   └── DamagedQueueError      the queue's file is no queue any more; its sentence names it
├── TableError             an object of the table cannot be understood
│   └── DamagedSegmentError    a segment does not hold what was written; its sentence names it
├── TransferError          a file to import or to export to cannot be used
├── ErasureError           an erasure is asked for that cannot be carried out; its sentence says why
├── ApiKeyError            a key is asked for that cannot be made
├── LinkError              a shared link is asked for that cannot be made
├── PasswordError          a password is too short, or too common
├── PasswordBusyError      too many passwords are being checked already
├── SettingsError          a site's settings are wrong; its sentence names the key and what would be right
├── QueryError             a query's parameter is wrong; its sentence names it and what would be right
├── QueryTooLargeError     a query needs more memory than it may take
├── QueryBusyError         too many queries wait already
├── QueryStoppedError      a query was stopped, since no client waits for it
│   └── QueryTooLongError      it took more seconds than it may
└── UnforeseenError        anything else, where its own words must not be told: they may quote a request

Foreign errors are translated once, at the seam that calls the foreign code.
"""


class MallardError(Exception):
    """Base of all faults; ``str()`` is one sentence for the person who runs this."""


class ConfigError(MallardError):
    """A setting has a wrong value."""


class StoreError(MallardError):
    """The object store failed."""


class ConflictError(StoreError):
    """A conditional write found another state than it named; nothing was written."""


class StoreUnavailableError(StoreError):
    """The store gave no clear answer; a write may or may not have landed."""


class StoreUnsupportedError(StoreUnavailableError):
    """The server does not know the operation or the condition."""


class DamagedObjectError(StoreUnavailableError):
    """A small object of the store does not hold what was written; ``key`` names it."""

    def __init__(self, key: str) -> None:
        """``key`` as it may be shown."""
        super().__init__(f"{key} does not hold what it should: it is damaged. `mallard doctor` says what to do.")
        self.key = key


class UnsafeStoreError(StoreError):
    """The server does not keep the conditions of writes, so that events would be lost."""


class LeaseTakenError(StoreError):
    """Another process holds the lease on writing."""


class QueueError(MallardError):
    """The queue could not take, give or settle messages."""


class QueueFullError(QueueError):
    """The local queue takes nothing for want of room: on its disk, or by its limit."""


class DamagedQueueError(QueueError):
    """The file of the local queue cannot be read as one."""


class TableError(MallardError):
    """An object of the table cannot be read."""


class DamagedSegmentError(TableError):
    """A segment does not hold what was written; ``key`` names it, ``reason`` says what is wrong."""

    def __init__(self, key: str, reason: str) -> None:
        """``reason`` is a clause without a full stop."""
        super().__init__(f"{key} is damaged and not a segment of the table: {reason}.")
        self.key = key
        self.reason = reason


class TransferError(MallardError):
    """A file to import cannot be understood, or one to export to cannot be written."""


class ErasureError(MallardError):
    """An erasure's range is wrong."""


class ApiKeyError(MallardError):
    """A key's name or scope is wrong."""


class LinkError(MallardError):
    """A shared link's name or filter is wrong."""


class PasswordError(MallardError):
    """A password may not be taken."""


class PasswordBusyError(MallardError):
    """The line of passwords to check is full."""


class SettingsError(MallardError):
    """A site's settings are wrong."""


class QueryError(MallardError):
    """A query's parameter is wrong."""


class QueryTooLargeError(MallardError):
    """A query needs more than it may take."""


class QueryBusyError(MallardError):
    """The line of queries is full."""


class QueryStoppedError(MallardError):
    """A query was stopped before its end."""


class QueryTooLongError(QueryStoppedError):
    """A query's seconds were over."""


class UnforeseenError(MallardError):
    """Kind and place of an unforeseen fault."""
