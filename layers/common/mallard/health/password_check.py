"""Background probe of the admin password."""

from mallard.auth.service import AuthService
from mallard.health.background_probe import BackgroundProbe

PASSWORD_SECONDS = 1.0


def password_probe(auth: AuthService) -> BackgroundProbe[bool | None]:
    """True where a password is set; None where the store does not answer in time."""
    return BackgroundProbe(lambda: bool(auth.passwords.mark()), None)
