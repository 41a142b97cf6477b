"""Channels of visits by GA4's default channel groups, with AI assistants.

The rules are those that Google documents as "Default channel group", in its order: what is paid for comes first,
by ``utm_medium`` or by an advertiser's click id, then the kind of the source, then what the medium says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mallard.ingest.enrich.known_sources import KnownSource, SourceKind, source_of_word, squashed
from mallard.normalize.hashed_cache import hashed_cache

CHANNELS_BYTES = 1024 * 1024

DIRECT, UNASSIGNED = "Direct", "Unassigned"

CHANNELS = (
    "Cross-network",
    "Paid Shopping",
    "Paid Search",
    "Paid Social",
    "Paid Video",
    "Display",
    "Paid Other",
    "Organic Shopping",
    "Organic Social",
    "Organic Video",
    "Organic Search",
    "AI Assistants",
    "Email",
    "Affiliates",
    "Referral",
    "Audio",
    "SMS",
    "Mobile Push Notifications",
    UNASSIGNED,
    DIRECT,
)
"""Every value of the column ``channel``."""


@dataclass(frozen=True, slots=True)
class ClickId:
    """The meaning of a click id: its source and medium; ``medium`` is None for a plain link."""

    source: str
    medium: str | None


CLICK_IDS: Mapping[str, ClickId] = {
    "gclid": ClickId("google", "cpc"),
    "gbraid": ClickId("google", "cpc"),
    "wbraid": ClickId("google", "cpc"),
    "gad_source": ClickId("google", "cpc"),
    "dclid": ClickId("google", "display"),
    "msclkid": ClickId("bing", "cpc"),
    "yclid": ClickId("yandex", "cpc"),
    "ttclid": ClickId("tiktok", "paid"),
    "twclid": ClickId("twitter", "paid"),
    "li_fat_id": ClickId("linkedin", "paid"),
    "rdt_cid": ClickId("reddit", "paid"),
    "epik": ClickId("pinterest", "paid"),
    "sccid": ClickId("snapchat", "paid"),
    # These two stand on every link that leaves the service, paid for or not.
    "fbclid": ClickId("facebook", None),
    "igshid": ClickId("instagram", None),
    "mc_eid": ClickId("mailchimp", "email"),
}
"""Query keys, in small letters, that advertisers and services add to the links they send people through."""

_PAID = re.compile(r"(.*cp.*|ppc|retargeting|paid.*)")
_SHOPPING_CAMPAIGN = re.compile(r"(.*(([^a-df-z]|^)shop|shopping).*)")
_DISPLAY = {"display", "banner", "expandable", "interstitial", "cpm"}
_SOCIAL = {"social", "socialnetwork", "socialmedia", "sm"}
_EMAIL = {"email", "newsletter"}
"""Without the spaces and hyphens that people write them with."""

_REFERRAL = {"referral", "app", "link"}

_PAID_BY_KIND = {
    SourceKind.SHOPPING: "Paid Shopping",
    SourceKind.SEARCH: "Paid Search",
    SourceKind.SOCIAL: "Paid Social",
    SourceKind.VIDEO: "Paid Video",
}
_ORGANIC_BY_KIND = {
    SourceKind.SHOPPING: "Organic Shopping",
    SourceKind.SOCIAL: "Organic Social",
    SourceKind.VIDEO: "Organic Video",
    SourceKind.SEARCH: "Organic Search",
    SourceKind.AI: "AI Assistants",
    SourceKind.EMAIL: "Email",
}


def channel_of(known: KnownSource | None, tags: Mapping[str, str], click: ClickId | None, *, linked: bool) -> str:
    """The channel of an arrival.

    ``known`` is its source where that is in the table, ``tags`` its utm_* parameters, ``click`` its click id's
    meaning; ``linked`` says that a page or a ``ref`` names where it came from.
    """
    medium = tags.get("utm_medium", "").lower() or (click.medium if click and click.medium else "")
    return _channel(known, tags.get("utm_source", "").lower(), medium, tags.get("utm_campaign", "").lower(), linked)


@hashed_cache(most_bytes=CHANNELS_BYTES)
def _channel(known: KnownSource | None, source: str, medium: str, campaign: str, linked: bool) -> str:
    known = known or (source_of_word(source) if source else None)
    kind = known.kind if known else SourceKind.OTHER
    if not (known or source or medium or campaign or linked):
        return DIRECT
    return _paid(kind, medium, campaign) or _organic(kind, source, medium, campaign) or _rest(linked, known)


def _paid(kind: SourceKind, medium: str, campaign: str) -> str | None:
    if "cross-network" in campaign:
        return "Cross-network"
    paid = _PAID.fullmatch(medium) is not None
    if paid and _SHOPPING_CAMPAIGN.fullmatch(campaign):
        return "Paid Shopping"
    if paid and kind in _PAID_BY_KIND:
        return _PAID_BY_KIND[kind]
    if medium in _DISPLAY:
        return "Display"
    return "Paid Other" if paid else None


def _organic(kind: SourceKind, source: str, medium: str, campaign: str) -> str | None:
    if kind is SourceKind.SHOPPING or _SHOPPING_CAMPAIGN.fullmatch(campaign):
        return "Organic Shopping"
    # A newsletter tagged with a known name is still a newsletter: the medium is the sender's own word.
    plain = squashed(medium)
    if plain in _EMAIL or squashed(source) in _EMAIL:
        return "Email"
    if plain in _SOCIAL:
        return "Organic Social"
    if kind in _ORGANIC_BY_KIND:
        return _ORGANIC_BY_KIND[kind]
    return _by_medium(source, medium)


def _by_medium(source: str, medium: str) -> str | None:
    if "video" in medium:
        return "Organic Video"
    if medium == "organic":
        return "Organic Search"
    if medium in ("affiliate", "affiliates"):
        return "Affiliates"
    if medium in _REFERRAL:
        return "Referral"
    if medium == "audio":
        return "Audio"
    if "sms" in (source, medium):
        return "SMS"
    if medium.endswith("push") or "mobile" in medium or "notification" in medium or source == "firebase":
        return "Mobile Push Notifications"
    return None


def _rest(linked: bool, known: KnownSource | None) -> str:
    return "Referral" if linked or known else UNASSIGNED
