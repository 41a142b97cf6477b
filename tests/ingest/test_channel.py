"""The channel rules, case by case in GA4's order, and the table behind them."""

import re
from pathlib import Path

import pytest

from mallard.ingest.enrich import known_sources
from mallard.ingest.enrich.channel import CHANNELS, CLICK_IDS, channel_of
from mallard.ingest.enrich.known_sources import KnownSource, SourceKind, source_of_word
from mallard.normalize.list_file import read_list

INGEST = Path(known_sources.__file__).parent
DOCS = Path(__file__).parents[2] / "docs" / "ingest.md"


def channel(source: str = "", medium: str = "", campaign: str = "", *, linked: bool = False) -> str:
    tags = {"utm_source": source, "utm_medium": medium, "utm_campaign": campaign}
    return channel_of(source_of_word(source), {key: value for key, value in tags.items() if value}, None, linked=linked)


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "expected"),
    [
        ("google", "cpc", "x cross-network y", "Cross-network"),
        ("amazon", "cpc", "", "Paid Shopping"),
        ("google", "cpc", "spring shopping", "Paid Shopping"),
        ("google", "cpc", "shop", "Paid Shopping"),
        ("google", "cpc", "workshop", "Paid Search"),
        ("google", "cpc", "bishopric", "Paid Search"),
        ("google", "cpc", "eshop", "Paid Shopping"),
        ("bing", "ppc", "", "Paid Search"),
        ("linkedin", "paid_social", "", "Paid Social"),
        ("facebook", "retargeting", "", "Paid Social"),
        ("facebook", "CPM", "", "Paid Social"),
        ("youtube", "cpv-cpc", "", "Paid Video"),
        ("adserver", "cpm", "", "Display"),
        ("facebook", "banner", "", "Display"),
        ("partner", "paid", "", "Paid Other"),
        ("github", "cpc", "", "Paid Other"),
        ("etsy", "", "", "Organic Shopping"),
        ("partner", "", "shopping days", "Organic Shopping"),
        ("facebook", "", "", "Organic Social"),
        ("partner", "social", "", "Organic Social"),
        ("partner", "sm", "", "Organic Social"),
        ("vimeo", "", "", "Organic Video"),
        ("partner", "short-video", "", "Organic Video"),
        ("ecosia", "", "", "Organic Search"),
        ("partner", "organic", "", "Organic Search"),
        ("perplexity.ai", "", "", "AI Assistants"),
        ("gmail", "", "", "Email"),
        ("email", "", "", "Email"),
        ("facebook", "email", "", "Email"),
        ("partner", "e-mail", "", "Email"),
        ("partner", "affiliate", "", "Affiliates"),
        ("partner", "referral", "", "Referral"),
        ("partner", "app", "", "Referral"),
        ("partner", "audio", "", "Audio"),
        ("sms", "", "", "SMS"),
        ("partner", "sms", "", "SMS"),
        ("partner", "web-push", "", "Mobile Push Notifications"),
        ("firebase", "", "", "Mobile Push Notifications"),
        ("partner", "in-app notification", "", "Mobile Push Notifications"),
        ("partner", "", "", "Unassigned"),
        ("", "", "spring", "Unassigned"),
        ("", "", "", "Direct"),
    ],
)
def test_campaign_gets_the_channel_of_its_first_matching_rule(
    source: str, medium: str, campaign: str, expected: str
) -> None:
    assert channel(source, medium, campaign) == expected


def test_link_without_a_known_source_is_a_referral() -> None:
    assert channel(linked=True) == channel("partner", linked=True) == "Referral"


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_is_documented(name: str) -> None:
    section = DOCS.read_text("utf-8").partition("## Sources and channels")[2].partition("\n## ")[0]
    cells = [cell.strip() for row in re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE) for cell in row.split(",")]
    assert name in cells


def rows() -> list[tuple[KnownSource, list[str]]]:
    return list(known_sources._rows())


def test_source_table_has_each_name_and_token_once() -> None:
    names = [each.name for each, _ in rows()]
    tokens = [token for _, tokens in rows() for token in tokens]
    assert sorted(set(names)) == sorted(names)
    assert sorted(set(tokens)) == sorted(tokens)
    assert {each.kind for each, _ in rows()} == set(SourceKind)


def test_source_table_tokens_are_lower_case_hosts_apps_or_words() -> None:
    for _, tokens in rows():
        assert tokens
        for token in tokens:
            assert re.fullmatch(r"app:[A-Za-z0-9_.]+|[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?|[a-z0-9_-]+", token), token


def test_source_table_host_resolves_to_its_own_name() -> None:
    for each, tokens in rows():
        for token in tokens:
            if "." in token and not token.startswith("app:"):
                assert known_sources.source_of_host(token.replace(".*", ".fr")) == each


def test_click_id_services_are_in_the_source_table() -> None:
    assert all(source_of_word(click.source) for click in CLICK_IDS.values())


def test_spam_list_contains_hosts_and_no_known_source() -> None:
    hosts = read_list(known_sources._FOLDER / "spam.txt")
    assert len(hosts) == len(set(hosts))
    assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?", host) for host in hosts)
    assert not any(known_sources.source_of_host(host.replace(".*", ".com")) for host in hosts)
    assert not any(known_sources.is_spam(token) for _, tokens in rows() for token in tokens)
