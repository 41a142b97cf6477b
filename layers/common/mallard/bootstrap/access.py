"""Builds the authentication of the API by the settings."""

from mallard.auth.service import AuthService
from mallard.auth.setup import Setup, new_token
from mallard.config import Settings
from mallard.privacy.salts import shared_secret
from mallard.store.base import Store


def open_server_auth(settings: Settings, store: Store) -> AuthService:
    """The authentication of `mallard serve`, which prints a token for the first setup."""
    return AuthService(settings, store, shared_secret(store, settings.secret), Setup(settings.on_loopback, new_token()))


def open_function_auth(settings: Settings, store: Store) -> AuthService:
    """The authentication of the query function. It has no setup: nobody would read its token."""
    return AuthService(settings, store, shared_secret(store, settings.secret), Setup(False, ""))
