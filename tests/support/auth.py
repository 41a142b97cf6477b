"""What the tests of passwords and sessions share: a clock to move, and hashes that cost nothing."""

from argon2 import PasswordHasher

from mallard.auth.password_hashing import PasswordHashing
from mallard.store.base import Stored
from support.memory import MemoryStore


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def quick_hashing() -> PasswordHashing:
    """Argon2id with the least it takes."""
    return PasswordHashing(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class CountedReads(MemoryStore):
    """``reads`` counts what was asked of the store."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, key: str) -> Stored | None:
        self.reads += 1
        return super().get(key)
