"""Sites that exist: those with settings, and those with events."""

from collections.abc import Callable

from mallard.engine.base import Engine

MAX_REMEMBERED = 10_000


class ExistingSites:
    """A site once found stays in memory, so that only requests for others cost reads of the store."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        self._found: set[str] = set()

    def has(self, site_id: str) -> bool:
        """True where a site has settings or a day of it has begun. Raises StoreUnavailableError."""
        if site_id in self._found:
            return True
        engine = self._engine()
        if not engine.site_settings.is_set_up(site_id) and engine.is_new(site_id):
            return False
        if len(self._found) < MAX_REMEMBERED:
            self._found.add(site_id)
        return True
