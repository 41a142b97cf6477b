"""Configures the log of a process by the settings."""

from mallard.config import CommonSettings
from mallard.observability.log_format import configure_logs


def set_up_logs(settings: CommonSettings) -> None:
    """All log lines to stderr."""
    configure_logs(is_json=settings.log_format == "json", level=settings.log_level)
