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
def test_a_campaign_has_the_first_channel_whose_rule_it_meets(
    source: str, medium: str, campaign: str, expected: str
) -> None:
    assert channel(source, medium, campaign) == expected


def test_a_link_that_nothing_else_is_known_of_is_a_referral() -> None:
    assert channel(linked=True) == channel("partner", linked=True) == "Referral"


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_is_documented(name: str) -> None:
    section = DOCS.read_text("utf-8").partition("## Sources and channels")[2].partition("\n## ")[0]
    cells = [cell.strip() for row in re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE) for cell in row.split(",")]
    assert name in cells


def rows() -> list[tuple[KnownSource, list[str]]]:
    return list(known_sources._rows())


def test_the_table_has_each_name_under_one_kind_and_each_token_once() -> None:
    names = [each.name for each, _ in rows()]
    tokens = [token for _, tokens in rows() for token in tokens]
    assert sorted(set(names)) == sorted(names)
    assert sorted(set(tokens)) == sorted(tokens)
    assert {each.kind for each, _ in rows()} == set(SourceKind)


def test_every_token_of_the_table_is_a_host_an_app_or_a_word_in_small_letters() -> None:
    for _, tokens in rows():
        assert tokens
        for token in tokens:
            assert re.fullmatch(r"app:[A-Za-z0-9_.]+|[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?|[a-z0-9_-]+", token), token


def test_a_host_of_the_table_finds_its_own_name_and_not_that_of_a_domain_above_it() -> None:
    for each, tokens in rows():
        for token in tokens:
            if "." in token and not token.startswith("app:"):
                assert known_sources.source_of_host(token.replace(".*", ".fr")) == each


def test_the_services_behind_click_ids_are_in_the_table() -> None:
    assert all(source_of_word(click.source) for click in CLICK_IDS.values())


def test_the_hosts_of_spam_are_hosts_and_no_source_is_among_them() -> None:
    hosts = read_list(known_sources._FOLDER / "spam.txt")
    assert len(hosts) == len(set(hosts))
    assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?", host) for host in hosts)
    assert not any(known_sources.source_of_host(host.replace(".*", ".com")) for host in hosts)
    assert not any(known_sources.is_spam(token) for _, tokens in rows() for token in tokens)
