"""The language of a browser: BCP 47 with script and region at most."""

import re

from mallard.ingest.enrich.language_codes import LANGUAGES, REGIONS, RENAMED, SCRIPTS

MAX_LANGUAGE_LENGTH = 35

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-[a-z]{3}){0,3}(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    # Variants, extensions and private use, none of which is kept.
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
)
"""A language tag by RFC 5646, section 2.1, in small letters."""


def read_language(accept_language: str) -> str | None:
    """The first language of the header as ``language[-Script][-REGION]``; None where one of these parts is unknown.

    What else a tag may hold (variants, extensions, private use) could be a mark of one browser, and is left out.
    """
    first = accept_language.partition(",")[0].partition(";")[0].strip()
    if len(first) > MAX_LANGUAGE_LENGTH:
        return None
    tag = _TAG.fullmatch(first.replace("_", "-").lower())
    if tag is None:
        return None
    language = RENAMED.get(tag["language"], tag["language"])
    script, region = (tag["script"] or "").title(), (tag["region"] or "").upper()
    if language not in LANGUAGES or (script and script not in SCRIPTS) or (region and region not in REGIONS):
        return None
    return "-".join(part for part in (language, script, region) if part)
