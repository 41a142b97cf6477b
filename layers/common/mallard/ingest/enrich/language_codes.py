"""Codes of languages, scripts and regions with English names in Unicode's CLDR."""

from pathlib import Path

from mallard.normalize.list_file import read_sections

_CODES = read_sections(Path(__file__).parent / "lists" / "language_codes.txt")

LANGUAGES = frozenset(_CODES["languages"])
"""ISO 639: two letters where there are such, else three."""

SCRIPTS = frozenset(_CODES["scripts"])
"""ISO 15924, of those that languages of today are written in."""

REGIONS = frozenset(_CODES["regions"])
"""ISO 3166-1 and what CLDR adds, without its regions for tests; UN M49 for areas of several countries."""

RENAMED = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv"}
"""Codes that ISO 639 has replaced and that systems still send."""
