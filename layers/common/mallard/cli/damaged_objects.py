"""Small objects of the store that are damaged, and the way out of each."""

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


@dataclass(frozen=True, slots=True)
class DamagedObject:
    """``key`` as it may be shown, and ``advice``: a clause that says what to do."""

    key: str
    advice: str


_Check = Callable[[Store, str], object]
"""Reads one object by its key; raises DamagedObjectError."""


def damaged_objects(store: Store) -> Iterator[DamagedObject]:
    """All but the table's segments and rollups, in order of key. StoreUnavailableError where the store is away."""
    for prefix, (check, advice) in _CHECKS.items():
        for row in list(store.list(prefix)):
            try:
                check(store, row.key)
            except DamagedObjectError as error:
                yield DamagedObject(error.key, advice)


def damaged_rollups(store: Store) -> Iterator[str]:
    """The keys of months that cannot be read; their days are counted from events meanwhile."""
    for row in list(store.list(ROLLUPS)):
        stored = store.get(row.key) if parse_rollup(row.key) else None
        if stored is not None and open_whole(stored.data) is None:
            yield row.key


def _name(key: str, prefix: str) -> str:
    return unescaped(key.removeprefix(prefix).removesuffix(".json"))


_CHECKS: dict[str, tuple[_Check, str]] = {
    SITES: (
        lambda store, key: SiteSettingsStore(store).get(_name(key, SITES)),
        "put it back from a backup, or delete it and set the site's zone, origins and goals again",
    ),
    KEYS: (lambda store, key: ApiKeys(store).read(_name(key, KEYS)), "delete it and make another key"),
    LINKS: (
        lambda store, key: SharedLinks(store, PasswordHashing()).read_object(key),
        "delete it and make another link",
    ),
    PASSWORD_KEY: (lambda store, _: AdminPassword(store).mark(), "`mallard password` sets a new one"),
    ROTATION_KEY: (
        lambda store, _: known_rotation(store),
        "put it back from a backup, or delete it: MALLARD_VISITOR_ROTATION then holds from the day after tomorrow",
    ),
    SECRET_KEY: (check_salt, "put it back from a backup, or delete it: everybody logs in again"),
    SALTS: (check_salt, "`mallard repair --apply` deletes it: visitors of that day are then counted anew"),
    ERASURES: (read_erasure, "ask for the erasure again, then delete it"),
}
