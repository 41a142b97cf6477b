"""Where a visit comes from: the referrer as stored, the source's name, and what is spam."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.ingest.enrich.channel import CHANNELS
from mallard.ingest.enrich.referrer import ReferrerColumns, read_origin

SITE = "example.com"


def origin(referrer: str | None, hostname: str = SITE, site_id: str = SITE, **tags: str) -> ReferrerColumns:
    return read_origin(referrer, hostname, site_id, tags)


@pytest.mark.parametrize(
    ("referrer", "source", "channel"),
    [
        ("https://www.google.com/", "Google", "Organic Search"),
        ("https://google.co.uk/search?q=a", "Google", "Organic Search"),
        ("https://news.google.com/", "Google News", "Referral"),
        ("https://news.google.de/", "Google News", "Referral"),
        ("https://mail.google.com/mail/u/0/", "Gmail", "Email"),
        ("https://gemini.google.com/", "Gemini", "AI Assistants"),
        ("https://shopping.google.com/", "Google Shopping", "Organic Shopping"),
        ("https://cn.bing.com/", "Bing", "Organic Search"),
        ("https://copilot.microsoft.com/", "Copilot", "AI Assistants"),
        ("https://chatgpt.com/", "ChatGPT", "AI Assistants"),
        ("https://l.facebook.com/l.php?u=x", "Facebook", "Organic Social"),
        ("https://t.co/abc", "X", "Organic Social"),
        ("https://out.reddit.com/", "Reddit", "Organic Social"),
        ("https://m.youtube.com/watch", "YouTube", "Organic Video"),
        ("https://www.amazon.de/", "Amazon", "Organic Shopping"),
        ("https://github.com/a/b", "GitHub", "Referral"),
        ("https://blog.other.org/", "blog.other.org", "Referral"),
        ("http://192.0.2.1/", "192.0.2.1", "Referral"),
        ("android-app://com.google.android.gm/", "Gmail", "Email"),
        ("android-app://com.google.android.googlequicksearchbox/", "Google", "Organic Search"),
        ("android-app://org.example.reader/", "org.example.reader", "Referral"),
        (None, None, "Direct"),
    ],
)
def test_a_referrer_gives_source_and_channel(referrer: str | None, source: str | None, channel: str) -> None:
    found = origin(referrer)
    assert (found.referrer, found.source, found.channel) == (referrer, source, channel)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("google.other.org", "google.other.org"),
        ("bing.com.other.org", "bing.com.other.org"),
        ("netflix.com", "netflix.com"),
        ("notgoogle.com", "notgoogle.com"),
        ("www.other.org", "other.org"),
        ("amazon.com.br", "Amazon"),
        ("smile.amazon.co.jp", "Amazon"),
        ("com", "com"),
    ],
)
def test_host_belongs_to_a_source_only_by_its_domain_suffix(host: str, name: str) -> None:
    assert origin(f"https://{host}/").source == name


@pytest.mark.parametrize(
    ("tags", "source", "channel"),
    [
        ({"utm_source": "fb"}, "Facebook", "Organic Social"),
        ({"utm_source": "Google", "utm_medium": "CPC"}, "Google", "Paid Search"),
        ({"utm_source": "chatgpt.com"}, "ChatGPT", "AI Assistants"),
        ({"utm_source": "www.bing.com"}, "Bing", "Organic Search"),
        ({"utm_source": "hacker news"}, "Hacker News", "Organic Social"),
        ({"utm_source": "newsletter", "utm_medium": "email"}, "newsletter", "Email"),
        ({"utm_source": "partner"}, "partner", "Unassigned"),
        ({"utm_medium": "email"}, None, "Email"),
    ],
)
def test_campaign_names_the_source_without_a_referrer(tags: dict[str, str], source: str | None, channel: str) -> None:
    found = origin(None, **tags)
    assert (found.referrer, found.source, found.channel) == (None, source, channel)


WORDS = {
    "https://www.facebook.com/": "Facebook",
    "HTTPS://Facebook.com/groups/1?x=1#y": "Facebook",
    "http%3A%2F%2Fm.facebook.com": "Facebook",
    "www.facebook.com": "Facebook",
    "facebook.com/": "Facebook",
    "facebook.com:443": "Facebook",
    "//l.facebook.com": "Facebook",
    " Face Book ": "Facebook",
    "FACEBOOK": "Facebook",
    "facebook_ads": "Facebook",
    "Facebook Ads": "Facebook",
    "hacker-news": "Hacker News",
    "Hacker_News": "Hacker News",
    "product hunt": "Product Hunt",
    "producthunt.com": "Product Hunt",
    "linked-in": "LinkedIn",
    "Google Ads": "Google",
    "chatgpt.com.": "ChatGPT",
    "chat.com": "ChatGPT",
    "perplexity": "Perplexity",
    "claude.com": "Claude",
    "copilot.com": "Copilot",
    "aistudio.google.com": "Gemini",
    "threads.com": "Threads",
    "threads.net": "Threads",
    "bsky.app": "Bluesky",
    "x.com": "X",
    "lemmy.zip": "Lemmy",
    "feddit.org": "Lemmy",
    "mastodon.nl": "Mastodon",
    "hn.algolia.com": "Hacker News",
    "https://blog.other.org/a": "blog.other.org",
    "WWW.Blog.Other.ORG": "blog.other.org",
    "Spring Letter": "Spring Letter",
    "a / b": "a / b",
    "v1.2": "v1.2",
}


@pytest.mark.parametrize("word", WORDS)
def test_read_origin_matches_a_source_word_in_every_spelling_in_utm_source_and_ref(word: str) -> None:
    assert read_origin(None, SITE, SITE, {"utm_source": word}).source == WORDS[word]
    assert read_origin(None, SITE, SITE, {}, named=word).source == WORDS[word]


def test_read_origin_ignores_a_ref_naming_the_site_itself() -> None:
    assert read_origin(None, SITE, SITE, {}, named="https://www.example.com/") == ReferrerColumns(None, None, "Direct")


@pytest.mark.parametrize("medium", ["social_media", "Social Media", "social-network", "SocialMedia"])
def test_read_origin_matches_a_medium_in_every_spelling(medium: str) -> None:
    assert origin(None, utm_source="partner", utm_medium=medium).channel == "Organic Social"


def test_read_origin_matches_an_emails_medium_in_every_spelling() -> None:
    for medium in ("E Mail", "e_mail", "E-Mail", "eMail", "News-Letter"):
        assert origin(None, utm_source="partner", utm_medium=medium).channel == "Email"


@pytest.mark.parametrize(
    ("referrer", "stored"),
    [
        ("HTTPS://Other.org/", "https://other.org/"),
        (" https://other.org/ ", "https://other.org/"),
        ("https://other.org:443/a", "https://other.org/a"),
        ("http://other.org:80/a", "http://other.org/a"),
        ("http://other.org:/a", "http://other.org/a"),
        ("http://other.org:443/a", "http://other.org:443/a"),
        ("https://other.org:junk/a", None),
        ("https://other.org:99999/a", None),
    ],
)
def test_read_origin_normalises_scheme_and_port_of_a_referrer(referrer: str, stored: str | None) -> None:
    assert origin(referrer).referrer == stored


def test_campaign_source_overrides_the_referrer_which_is_stored() -> None:
    found = origin("https://duckduckgo.com/", utm_source="news")
    assert found == ReferrerColumns("https://duckduckgo.com/", "news", "Referral")


def test_ref_and_source_name_the_source_without_a_campaign() -> None:
    assert read_origin(None, SITE, SITE, {}, named="producthunt") == ReferrerColumns(
        None, "Product Hunt", "Organic Social"
    )
    assert read_origin(None, SITE, SITE, {}, named="a partner") == ReferrerColumns(None, "a partner", "Referral")
    assert read_origin(None, SITE, SITE, {}, named="Product Hunt").source == "Product Hunt"
    assert read_origin(None, SITE, SITE, {"utm_source": "fb"}, named="x").source == "Facebook"


@pytest.mark.parametrize(
    ("click_id", "referrer", "source", "channel"),
    [
        ("gclid", None, "Google", "Paid Search"),
        ("gclid", "https://www.google.com/", "Google", "Paid Search"),
        ("gclid", "https://www.youtube.com/", "YouTube", "Paid Video"),
        ("gclid", "https://other.org/", "other.org", "Paid Other"),
        ("dclid", None, "Google", "Display"),
        ("msclkid", None, "Bing", "Paid Search"),
        ("ttclid", None, "TikTok", "Paid Social"),
        ("fbclid", None, "Facebook", "Organic Social"),
        ("fbclid", "https://l.facebook.com/", "Facebook", "Organic Social"),
        ("mc_eid", None, "Mailchimp", "Email"),
    ],
)
def test_click_id_determines_the_channel_and_the_fallback_source(
    click_id: str, referrer: str | None, source: str, channel: str
) -> None:
    found = read_origin(referrer, SITE, SITE, {}, click_id=click_id)
    assert (found.source, found.channel) == (source, channel)


def test_campaign_medium_overrides_a_click_id() -> None:
    tags = {"utm_source": "google", "utm_medium": "organic"}
    assert read_origin(None, SITE, SITE, tags, click_id="gclid").channel == "Organic Search"


@pytest.mark.parametrize(
    ("referrer", "hostname"),
    [
        ("https://www.example.com/before", "example.com"),
        ("https://example.com/", "www.example.com"),
        ("https://EXAMPLE.com.:8443/", "example.com"),
        ("https://shop.example.org/", "shop.example.org"),
        ("https://example.com/", "shop.example.org"),
    ],
)
def test_the_own_host_is_internal_with_or_without_www(referrer: str, hostname: str) -> None:
    assert origin(referrer, hostname) == ReferrerColumns(None, None, "Direct")


def test_own_host_is_internal_in_its_international_form() -> None:
    assert origin("https://bücher.example/", "xn--bcher-kva.example") == ReferrerColumns(None, None, "Direct")


@pytest.mark.parametrize(
    ("referrer", "stored"),
    [
        ("https://me:word@other.org:8080/a?q=1#c", "https://other.org:8080/a?q=1"),
        ("https://WWW.Other.ORG./A", "https://www.other.org/A"),
        ("https://bücher.de/", "https://xn--bcher-kva.de/"),
        ("http://[2001:DB8::1]:81/", "http://[2001:db8::1]:81/"),
    ],
)
def test_referrer_is_normalised_without_credentials_and_fragment(referrer: str, stored: str) -> None:
    assert origin(referrer).referrer == stored


@pytest.mark.parametrize(
    "referrer",
    [
        "",
        "about:blank",
        "www.bing.com",
        "https://",
        "http://[::1",
        "/a",
        "android-app://",
        "https://a b/",
        "ios-app://1",
    ],
)
def test_referrer_that_is_no_page_or_app_address_is_direct(referrer: str) -> None:
    assert origin(referrer) == ReferrerColumns(None, None, "Direct")


@pytest.mark.parametrize(
    "referrer",
    ["https://semalt.com/a", "http://semalt.semalt.com/", "https://trafficbot.life/", "http://x.darodar.com/"],
)
def test_spam_host_and_its_subdomains_are_spam(referrer: str) -> None:
    assert origin(referrer).is_spam


@pytest.mark.parametrize(
    "referrer", ["https://notsemalt.com/", "https://semalt.com.other.org/", "https://other.org/", None]
)
def test_similar_host_is_no_spam(referrer: str | None) -> None:
    assert not origin(referrer).is_spam


@given(st.text(max_size=60), st.dictionaries(st.sampled_from(["utm_source", "utm_medium", "utm_campaign"]), st.text()))
def test_read_origin_accepts_any_referrer_and_campaign(referrer: str, tags: dict[str, str]) -> None:
    for given_referrer in (
        referrer,
        f"https://{referrer}",
        f"https://other.org/{referrer}",
        f"android-app://{referrer}",
    ):
        assert read_origin(given_referrer, SITE, SITE, tags).channel in CHANNELS
