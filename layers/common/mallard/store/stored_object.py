"""Typed JSON objects of the store with compare-and-swap."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from mallard.errors import DamagedObjectError
from mallard.store.base import Store
from mallard.store.compare_and_swap import swap
from mallard.store.ttl_cache import TtlCache

T = TypeVar("T")
Result = TypeVar("Result")

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class JsonFormat(Generic[T]):
    """The JSON of one type. ``decode`` raises ValueError, TypeError, KeyError or OverflowError for other JSON.

    ``on_damage`` is called with the key of an object that cannot be decoded, which then counts as absent; without it
    such an object raises DamagedObjectError.
    """

    decode: Callable[[Any], T]
    encode: Callable[[T], Any] = msgspec.to_builtins
    on_damage: Callable[[str], None] | None = None

    @classmethod
    def of(cls, kind: type[T], *, on_damage: Callable[[str], None] | None = None) -> "JsonFormat[T]":
        """The format of a type that msgspec knows. Unknown keys are ignored: a later version may write more."""
        return cls(lambda value: msgspec.convert(value, kind), on_damage=on_damage)

    def read(self, key: str, data: bytes | None) -> T | None:
        """The value of an object's bytes, None for None. Raises DamagedObjectError."""
        if data is None:
            return None
        try:
            # Not msgspec's own parser: it rejects escaped lone surrogates, which older objects may hold.
            return self.decode(json.loads(data))
        except _UNREADABLE as error:
            if self.on_damage is None:
                raise DamagedObjectError(key) from error
            self.on_damage(key)
            return None

    def write(self, value: T) -> bytes:
        """The bytes of an object."""
        return json.dumps(self.encode(value)).encode()


class StoredObject(Generic[T]):
    """One JSON object of the store. Every method may raise StoreUnavailableError or DamagedObjectError."""

    def __init__(
        self, store: Store, key: str, form: JsonFormat[T], *, cache: TtlCache[T] | None = None, name: str = ""
    ) -> None:
        """``cache`` serves ``get`` and learns of each write, under ``name`` (the key where it is empty)."""
        self._store = store
        self._key = key
        self._form = form
        self._cache = cache
        self._name = name or key

    @classmethod
    def cached(
        cls, store: Store, key: str, form: JsonFormat[T], *, clock: Callable[[], float], **options: Any
    ) -> "StoredObject[T]":
        """An object with a cache of its own; ``options`` as of ``TtlCache``."""
        cache: TtlCache[T] = TtlCache(lambda _: cls(store, key, form).read(), clock=clock, **options)
        return cls(store, key, form, cache=cache)

    def get(self) -> T | None:
        """The value, as old as the cache allows; None where there is no object."""
        return self._cache.get(self._name) if self._cache else self.read()

    def read(self) -> T | None:
        """The value that the store holds now; None where there is no object."""
        stored = self._store.get(self._key)
        return self._form.read(self._key, stored.data if stored else None)

    def create(self, value: T) -> None:
        """Write the object where there is none. Raises ConflictError."""
        with self._writing() as cache_value:
            self._store.put_if_absent(self._key, self._form.write(value))
            cache_value(value)

    def put(self, value: T) -> None:
        """Write the value over any other, also over a damaged object."""
        with self._writing() as cache_value:
            swap(self._store, self._key, lambda _: (None, self._form.write(value)))
            cache_value(value)

    def change(self, change: Callable[[T | None], T | None]) -> T | None:
        """Replace the value by ``change(value)`` and return it; an equal value, or None, writes nothing.

        ``change`` is called again where another writer was faster.
        """

        def changed(value: T | None) -> tuple[T | None, T | None]:
            after = change(value)
            return after, None if after == value else after

        return self.change_with_result(changed)

    def change_with_result(self, change: Callable[[T | None], tuple[Result, T | None]]) -> Result:
        """Write the second part of ``change(value)`` unless it is None, and return the first."""
        held: T | None = None

        def changed(data: bytes | None) -> tuple[Result, bytes | None]:
            nonlocal held
            before = self._form.read(self._key, data)
            result, after = change(before)
            held = before if after is None else after
            return result, None if after is None else self._form.write(after)

        with self._writing() as cache_value:
            result = swap(self._store, self._key, changed)
            cache_value(held)
        return result

    def forget(self) -> None:
        """Read the object again at the next ``get``."""
        if self._cache:
            self._cache.forget(self._name)

    def _writing(self) -> AbstractContextManager[Callable[[T | None], None]]:
        return self._cache.writing(self._name) if self._cache else nullcontext(lambda _: None)
