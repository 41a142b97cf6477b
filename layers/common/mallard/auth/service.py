"""The authentication services of one process, and logins by password."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from mallard.auth.admin_password import AdminPassword, refuse_weak
from mallard.auth.api_keys import ApiKeys
from mallard.auth.authenticator import Authenticator
from mallard.auth.guess_throttle import GuessThrottle
from mallard.auth.known_networks import KnownNetworks
from mallard.auth.login_sessions import LoginSessions
from mallard.auth.login_throttle import LoginThrottle, widest_network
from mallard.auth.password_hashing import PasswordHashing
from mallard.auth.setup import Setup
from mallard.auth.shared_links import SharedLink, SharedLinks
from mallard.errors import ConfigError, MallardError, PasswordError, StoreError
from mallard.privacy.derived_keys import derived
from mallard.store.base import Store

LOGIN = "password"  # a name, not a password
LINKS = "link"
"""Kinds of passwords; guesses at each kind are throttled apart."""

log = logging.getLogger("mallard.auth")


class AuthService:
    """Every method may raise StoreUnavailableError."""

    def __init__(
        self,
        store: Store,
        secret: bytes,
        setup: Setup,
        *,
        is_open: bool,
        admin_password: str,
        session_seconds: int,
        max_login_attempts: int,
        lockout_seconds: int,
        secure_cookies: str,
        dashboard_origin: str,
        hashing: PasswordHashing | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """The keys that sign tokens and name addresses are derived from ``secret``.

        ``is_open``: no request needs a credential. ``secure_cookies``: auto, true or false.
        ``clock`` is monotonic seconds, ``now`` an aware moment. ConfigError where ``admin_password`` is common.
        """
        _refuse_configured(admin_password)
        if is_open:
            log.warning("MALLARD_AUTH=off: everyone who reaches this server can read, change and erase everything.")
        hashing = hashing or PasswordHashing()
        self.passwords = AdminPassword(store, admin_password, hashing=hashing, clock=clock)
        self.sessions = LoginSessions(
            store,
            derived(secret, "sessions"),
            self.passwords.mark,
            lasts_seconds=session_seconds,
            clock=clock,
        )
        self.keys = ApiKeys(store, clock=clock, now=now)
        self.links = SharedLinks(store, hashing, clock=clock)
        self.attempts = LoginThrottle(
            store,
            derived(secret, "login attempts"),
            most=max_login_attempts,
            lockout_seconds=lockout_seconds,
        )
        self.known_networks = KnownNetworks(store, derived(secret, "known networks"), clock=clock)
        self._guesses = {LOGIN: GuessThrottle(), LINKS: GuessThrottle()}
        self.setup = setup
        self.now = now
        self.secure_cookies = secure_cookies
        self.login_failures = 0
        self._counting = threading.Lock()
        self.authenticator = Authenticator(
            passwords=self.passwords,
            sessions=self.sessions,
            keys=self.keys,
            links=self.links,
            secret=derived(secret, "tokens of links"),
            is_open=is_open,
            dashboard_origin=dashboard_origin,
        )

    def try_password(self, password: str, address: str, now: datetime) -> bool | int:
        """True for the right password; after too many wrong ones, the seconds to wait."""
        return self._try(LOGIN, LOGIN, partial(self.passwords.check, password), address, now)

    def try_link(self, link: SharedLink, password: str, address: str, now: datetime) -> bool | int:
        """True for the link's password; after too many wrong ones, the seconds to wait."""
        if not link.password_hash:
            return True
        return self._try(LINKS, f"link {link.slug}", partial(self.links.opens, link, password), address, now)

    def _try(self, kind: str, target: str, opens: Callable[[str], bool], address: str, now: datetime) -> bool | int:
        is_known, guesses = self.known_networks.has(address, now), self._guesses[kind]
        # Guesses from everywhere slow unknown networks only.
        wait = 0 if is_known else guesses.wait_seconds(now.timestamp())
        attempt = None if wait else self.attempts.begin(target, address, now, is_known=is_known)
        if attempt is None or attempt.wait_seconds:
            return attempt.wait_seconds if attempt else wait
        try:
            right = opens("" if is_known or attempt.is_first else widest_network(address))
        except MallardError:
            with suppress(StoreError):
                self.attempts.take_back(target, address, now)
            raise
        if right:
            self.attempts.forgive(target, address, now)
            if kind == LOGIN:
                self.known_networks.remember(address, now)
            return True
        guesses.fail(now.timestamp())
        with self._counting:
            self.login_failures += 1
        return False


def _refuse_configured(password: str) -> None:
    try:
        if password:
            refuse_weak(password)
    except PasswordError as error:
        raise ConfigError(f"MALLARD_ADMIN_PASSWORD: {error}") from None
