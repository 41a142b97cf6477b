"""What an event is stripped of before it is stored: MALLARD_GDPR_MODE and each of its parts."""

from dataclasses import dataclass
from typing import Any

from mallard.config import Settings


@dataclass(frozen=True, slots=True)
class Privacy:
    """Each part is off by default; ``of`` reads the settings."""

    strip_referrer_query: bool = False
    round_timestamps: bool = False
    suppress_browser_version: bool = False
    suppress_os_version: bool = False
    suppress_screen_size: bool = False
    suppress_visitor_id: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Privacy":
        """The parts that are set, one by one or all by MALLARD_GDPR_MODE (but the visitor id, which is its own)."""
        gdpr = settings.gdpr_mode
        privacy = cls(
            strip_referrer_query=gdpr or settings.strip_referrer_query,
            round_timestamps=settings.rounds_times,
            suppress_browser_version=gdpr or settings.suppress_browser_version,
            suppress_os_version=gdpr or settings.suppress_os_version,
            suppress_screen_size=gdpr or settings.suppress_screen_size,
            suppress_visitor_id=settings.suppress_visitor_id,
        )
        return KEEP_ALL if privacy == KEEP_ALL else privacy

    def keep_less(self, columns: dict[str, Any]) -> None:
        """Take out of an event's columns what is not to be stored."""
        if self.strip_referrer_query and columns.get("referrer"):
            columns["referrer"] = columns["referrer"].partition("?")[0].partition("#")[0]
        for kept_out, column in (
            (self.suppress_browser_version, "browser_version"),
            (self.suppress_os_version, "os_version"),
            (self.suppress_screen_size, "screen_size"),
        ):
            if kept_out:
                columns[column] = None


KEEP_ALL = Privacy()
