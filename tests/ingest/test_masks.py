"""Mail addresses and long tokens are masked in paths of pages and referrers, and are found again by their mask."""

import random
import string
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.contexts import open_context, take
from mallard.bootstrap.ingest import redaction_of
from mallard.config import load_settings
from mallard.normalize.masks import MASK, is_token, masked_address, masked_path
from mallard.stats.filter_values import written_leaf
from mallard.store.local import LocalStore

DEFAULT = redaction_of(load_settings({}))
TOKEN = "5f3a1d9b8e7c6d5f4a3b2c1d0e9f8a7b"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"


@pytest.mark.parametrize(
    ("path", "masked"),
    [
        ("/reset/jane@doe.example", "/reset/*"),
        ("/reset/jane%40doe.example/new", "/reset/*/new"),
        ("/reset/jane%2540doe.example", "/reset/*"),
        ("/user:jane+news@doe.co.uk,2", "/user:*,2"),
        ("/@jane@social.example/1", "/*/1"),
        ("/übér/jane@bücher.de", "/übér/*"),
        ("/a/jane@doe.xn--p1ai", "/a/*"),
        ("/search?q=jane@doe.example&p=2", "/search?q=*&p=2"),
        (f"/reset/{TOKEN}", "/reset/*"),
        (f"/order/{UUID(TOKEN)}/thanks", "/order/*/thanks"),
        (f"/sso/{JWT}", "/sso/*.*.*"),
        ("/p/123456789012345678901", "/p/*"),
        (f"/assets/app.{TOKEN}.js", "/assets/app.*.js"),
    ],
)
def test_masked_path_replaces_mail_addresses_and_long_tokens(path: str, masked: str) -> None:
    assert masked_path(path) == masked
    assert masked_path(masked) == masked


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/@jane",
        "/npm/react@18.2.0/umd",
        "/blog/how-to-configure-mallard-metrics-on-kubernetes-2024",
        "/HowToConfigureMallardMetricsInProduction",
        "/laptops/MX450-GTX1650-RTX3080-i7-11800H-16GB-512GB",
        "/donaudampfschifffahrtsgesellschaft2024",
        "/iphone-15-pro-max-256gb-vs-galaxy-s24",
        "/status/1234567890123456789",
        "/watch/dQw4w9WgXcQ",
        "/2024/01/02/20240102-120000-a-title",
        "/user/*/orders",
    ],
)
def test_masked_path_keeps_readable_segments(path: str) -> None:
    assert masked_path(path) == path


@pytest.mark.parametrize("letters", [string.ascii_letters + string.digits + "-_", string.hexdigits[:16]])
@pytest.mark.parametrize("length", [22, 32, 43])
def test_is_token_recognises_nearly_all_random_tokens(letters: str, length: int) -> None:
    rng = random.Random(length)
    known = sum(is_token("".join(rng.choices(letters, k=length))) for _ in range(1000))
    assert known > 970


@given(st.text(st.sampled_from("ab1Z@.%40/-_?&= é"), max_size=80))
def test_masked_path_is_idempotent(text: str) -> None:
    assert masked_path(masked_path(text)) == masked_path(text)


@given(st.from_regex(r"[a-z0-9.+]{1,20}@[a-z0-9-]{1,20}\.(?:com|de|example)", fullmatch=True))
def test_masked_path_removes_any_mail_address(address: str) -> None:
    assert masked_path(f"/a/{address}/b") == "/a/*/b"


def test_masked_address_leaves_the_host() -> None:
    host = f"{TOKEN}.cloudfront.example"
    assert masked_address(f"https://{host}/{TOKEN}") == f"https://{host}/{MASK}"
    assert masked_address(f"https://a.example?t={TOKEN}") == f"https://a.example?t={MASK}"


def test_ingest_masks_pages_and_referrers_and_strips_queries_by_default(store: LocalStore) -> None:
    url, referrer = "https://example.com/reset/jane%40doe.example", f"https://mail.example/inbox/{TOKEN}?user=jane"
    event = take(open_context(store, privacy=DEFAULT), url=url, referrer=referrer)
    assert (event.pathname, event.referrer) == ("/reset/*", "https://mail.example/inbox/*")
    kept = take(open_context(store), url=url, referrer=referrer)
    assert (kept.pathname, kept.referrer) == ("/reset/jane@doe.example", referrer)


def test_referrer_query_is_masked_when_kept(store: LocalStore) -> None:
    privacy = redaction_of(load_settings({"MALLARD_STRIP_REFERRER_QUERY": "false"}))
    event = take(
        open_context(store, privacy=privacy), referrer=f"https://mail.example/?user=jane@doe.example&sid={TOKEN}&p=1"
    )
    assert event.referrer == "https://mail.example/?user=*&sid=*&p=1"


def test_page_filter_matches_a_masked_page_by_address_and_by_mask() -> None:
    by_address = written_leaf("is", "event:page", ["/reset/jane%40doe.example"])
    assert by_address.values == ("/reset/*", "/reset/jane%40doe.example", "/reset/jane@doe.example")
    assert written_leaf("is", "event:page", ["/reset/*"]).values == ("/reset/*",)
    assert "https://a.example/*" in written_leaf("is", "visit:referrer", [f"https://a.example/{TOKEN}"]).values
