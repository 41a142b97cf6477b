"""Builds the authentication of the API by the settings."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from mallard.auth.password_hashing import PasswordHashing
from mallard.auth.service import AuthService
from mallard.auth.setup import Setup, new_token
from mallard.config import Settings
from mallard.privacy.salts import shared_secret
from mallard.store.base import Store


def open_auth(
    settings: Settings,
    store: Store,
    *,
    secret: bytes,
    setup: Setup,
    hashing: PasswordHashing | None = None,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AuthService:
    return AuthService(
        store,
        secret,
        setup,
        is_open=settings.auth == "off",
        admin_password=settings.admin_password,
        session_seconds=settings.session_ttl,
        max_login_attempts=settings.max_login_attempts,
        lockout_seconds=settings.login_lockout,
        secure_cookies=settings.secure_cookies,
        dashboard_origin=settings.dashboard_origin,
        hashing=hashing,
        clock=clock,
        now=now,
    )


def open_server_auth(settings: Settings, store: Store) -> AuthService:
    """The authentication of `mallard serve`, which prints a token for the first setup."""
    setup = Setup(settings.on_loopback, new_token())
    return open_auth(settings, store, secret=shared_secret(store, settings.secret), setup=setup)


def open_function_auth(settings: Settings, store: Store) -> AuthService:
    """The authentication of the query function, without a setup: nothing would print its token."""
    return open_auth(settings, store, secret=shared_secret(store, settings.secret), setup=Setup(False, ""))
