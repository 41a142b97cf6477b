"""Damaged small objects of the store, with advice on each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mallard.auth.admin_password import PASSWORD_KEY, AdminPassword
from mallard.auth.api_keys import KEYS, ApiKeys
from mallard.auth.password_hashing import PasswordHashing
from mallard.auth.shared_links import LINKS, SharedLinks
from mallard.errors import DamagedObjectError
from mallard.maintenance.erasure import ERASURES, read_erasure
from mallard.privacy.rotation import ROTATION_KEY, known_rotation
from mallard.privacy.salts import SALTS, SECRET_KEY, check_salt
from mallard.sites.settings_store import SITES, SiteSettingsStore
from mallard.sites.site_id import unescaped
from mallard.store.base import Store
from mallard.table.rollup import ROLLUPS, parse_rollup
from mallard.table.rollup_file import open_whole
from mallard.table.visits_file import VISITS, parse_visits, read_facts


@dataclass(frozen=True, slots=True)
class DamagedObject:
    """``key`` in printable form, and ``advice`` as a clause."""

    key: str
    advice: str


_Check = Callable[[Store, str], object]
"""Reads one object by its key; raises DamagedObjectError."""


def damaged_objects(store: Store) -> Iterator[DamagedObject]:
    """Damaged objects other than segments, rollups and visits. StoreUnavailableError where the store is unavailable."""
    for prefix, (check, advice) in _CHECKS.items():
        for row in list(store.list(prefix)):
            try:
                check(store, row.key)
            except DamagedObjectError as error:
                yield DamagedObject(error.key, advice)


def damaged_rollups(store: Store) -> Iterator[str]:
    """The keys of unreadable rollups, whose days are counted from events meanwhile."""
    for row in list(store.list(ROLLUPS)):
        stored = store.get(row.key) if parse_rollup(row.key) else None
        if stored is not None and open_whole(stored.data) is None:
            yield row.key


def damaged_visits(store: Store, most_bytes: int | None = None) -> Iterator[str]:
    """The keys of unreadable visits files, whose days are counted from events meanwhile.

    Of ``most_bytes`` those written last are read.
    """
    size = 0
    for row in sorted(store.list(VISITS), key=lambda row: -row.modified):
        size += row.size_bytes
        if most_bytes is not None and size > most_bytes:
            return
        stored = store.get(row.key) if parse_visits(row.key) else None
        if stored is not None and read_facts(stored.data) is None:
            yield row.key


def _name(key: str, prefix: str) -> str:
    return unescaped(key.removeprefix(prefix).removesuffix(".json"))


_CHECKS: dict[str, tuple[_Check, str]] = {
    SITES: (
        lambda store, key: SiteSettingsStore(store).get(_name(key, SITES)),
        "restore it from a backup, or delete it and set the site's time zone, origins and goals again",
    ),
    KEYS: (lambda store, key: ApiKeys(store).read(_name(key, KEYS)), "delete it and create a new key"),
    LINKS: (
        lambda store, key: SharedLinks(store, PasswordHashing()).read_object(key),
        "delete it and create a new link",
    ),
    PASSWORD_KEY: (lambda store, _: AdminPassword(store).mark(), "`mallard password` sets a new one"),
    ROTATION_KEY: (
        lambda store, _: known_rotation(store),
        "restore it from a backup, or delete it: MALLARD_VISITOR_ROTATION then applies from the day after tomorrow",
    ),
    SECRET_KEY: (check_salt, "restore it from a backup, or delete it, which ends all sessions"),
    SALTS: (check_salt, "`mallard repair --apply` deletes it; visitors of that day then count as new"),
    ERASURES: (read_erasure, "request the erasure again, then delete it"),
}
