"""Client hints of Chromium: brand, system and form factor.

``Sec-CH-UA``, ``-Mobile`` and ``-Platform`` come with every request; the version of the platform only where the
page's server asked for it. All are the user-agent client hints of the WICG's draft, sent over HTTPS alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_HINT_LENGTH = 256

_BRAND = re.compile(r'"((?:[^"\\]|\\.)*)"\s*;\s*v\s*=\s*"(\d{1,4})(?:\.\d+)*"')

_BRANDS = {
    "Microsoft Edge": "Edge",
    "Opera": "Opera",
    "Opera GX": "Opera GX",
    "Opera Mobile": "Opera Mobile",
    "Brave": "Brave",
    "Vivaldi": "Vivaldi",
    "Yandex": "Yandex Browser",
    "YaBrowser": "Yandex Browser",
    "Samsung Internet": "Samsung Internet",
    "DuckDuckGo": "DuckDuckGo",
    "Android WebView": "Chrome Mobile WebView",
    "Avast Secure Browser": "Avast Secure Browser",
    "AVG Secure Browser": "AVG",
    "Ecosia": "Ecosia",
    "Arc": "Arc",
    "Oculus Browser": "Oculus Browser",
    "CocCoc": "Coc Coc",
    "Whale": "Whale",
}
"""Brands by the names that the user agents' parser gives these browsers. Other brands change nothing."""

_SYSTEMS = {
    "Windows": "Windows",
    "macOS": "Mac OS X",
    "Android": "Android",
    "Linux": "Linux",
    "Chrome OS": "Chrome OS",
    "Chromium OS": "Chrome OS",
}


@dataclass(frozen=True, slots=True)
class ClientHints:
    """The headers as they came; empty where they did not."""

    brands: str = ""
    mobile: str = ""
    platform: str = ""
    platform_version: str = ""


NO_HINTS = ClientHints()
HEADERS = {
    "sec-ch-ua": "brands",
    "sec-ch-ua-mobile": "mobile",
    "sec-ch-ua-platform": "platform",
    "sec-ch-ua-platform-version": "platform_version",
}


def read_hints(headers: Mapping[str, str]) -> ClientHints:
    """The hints among headers in small letters."""
    if "sec-ch-ua" not in headers and "sec-ch-ua-platform" not in headers:
        return NO_HINTS
    return ClientHints(**{name: headers.get(header, "")[:MAX_HINT_LENGTH] for header, name in HEADERS.items()})


def is_headless(hints: ClientHints) -> bool:
    """True for the brand of a headless Chrome."""
    return "HeadlessChrome" in hints.brands


def hinted_browser(hints: ClientHints, browser: str | None) -> tuple[str, str] | None:
    """Name and version where the brand says more than ``browser``, which several of them call plain Chrome."""
    if browser is None or not browser.startswith(("Chrome", "Chromium")) or browser.endswith("WebView"):
        return None
    for brand, version in _BRAND.findall(hints.brands):
        if name := _BRANDS.get(brand):
            return name, f"{version}.0"
    return None


def hinted_system(hints: ClientHints, os: str | None, os_version: str | None) -> tuple[str | None, str | None]:
    """System and version: those of the agent, unless the platform is another or its version is told."""
    system = _SYSTEMS.get(hints.platform.strip('"'))
    # "Linux" is all a hint says of Ubuntu, of a television set and of a headset: there the agent says more.
    if system is None or (system == "Linux" and os is not None):
        return os, os_version
    version = _system_version(system, hints.platform_version.strip('"'))
    return system, version or (os_version if system == os else None)


def hinted_device(hints: ClientHints, device_type: str | None) -> str | None:
    """The device class: the hint's word for a phone wins, also where the agent shows the desktop's pages."""
    if hints.mobile == "?1":
        return "mobile"
    platform = hints.platform.strip('"')
    if device_type == "desktop" and platform == "Android":
        return "tablet"
    if device_type is None and platform != "Android" and platform in _SYSTEMS:
        return "desktop"
    return device_type


def _system_version(system: str, version: str) -> str | None:
    match = re.match(r"(\d{1,4})(?:\.(\d{1,4}))?", version)
    if match is None or system not in ("Windows", "Mac OS X", "Android"):
        return None
    if system == "Windows":
        # The API's contract number, by Microsoft's table: 13 and up is Windows 11, 1 to 12 is Windows 10.
        major = int(match[1])
        return "11" if major >= 13 else "10" if major else None
    minor = match[2] or "0"
    return match[1] if system == "Android" and minor == "0" else f"{match[1]}.{minor}"
