"""What a page's address says: one form of host, one form of path, the campaign, and who sent the visitor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.ingest.enrich.page_url import PageUrl, host_of, read_page

SITE = "example.com"


def page(url: str) -> PageUrl:
    found = read_page(url, SITE)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("url", "hostname"),
    [
        ("https://Example.COM/", "example.com"),
        ("https://example.com./", "example.com"),
        ("https://example.com:8443/", "example.com"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://BÜCHER.example/", "xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("https://пример.рф/", "xn--e1afmkfd.xn--p1ai"),
        ("https://例え.jp/", "xn--r8jz45g.jp"),
        ("https://my_host.example/", "my_host.example"),
        ("http://192.0.2.1/", "192.0.2.1"),
        ("http://[2001:DB8::1]:80/", "2001:db8::1"),
        ("/bare", SITE),
    ],
)
def test_hostname_has_one_form(url: str, hostname: str) -> None:
    assert page(url).hostname == hostname


@pytest.mark.parametrize(
    "url", ["https://a b/", "https://a%20b/", "https://./", "https://exa<mple.com/", "https://\u0080.com/"]
)
def test_page_with_an_invalid_host_is_refused(url: str) -> None:
    assert read_page(url, SITE) is None
    assert host_of(url) is None


def test_a_name_too_long_for_its_ascii_form_is_no_page() -> None:
    assert read_page(f"https://{'ü' * 70}.example/", SITE) is None


@pytest.mark.parametrize(
    ("path", "pathname"),
    [
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/a%20", "/a"),
        ("/a%20/", "/a /"),
        ("/a;jsessionid=0A1B2C", "/a"),
        ("/a;JSESSIONID=0A1B2C.node1/b", "/a/b"),
        ("/a;v=1", "/a;v=1"),
        ("/a%2525", "/a%25"),
        ("/a%c2%85", "/a%c2%85"),
        ("/a%E2%80%A8b", "/a%E2%80%A8b"),
        ("/search%3Fq=red%2520shoes&page=2", "/search?q=red%20shoes&page=2"),
        ("/a?q=1", "/a"),
        ("/a#top", "/a"),
        ("", "/"),
    ],
)
def test_path_is_decoded_once_without_query_and_trailing_characters(path: str, pathname: str) -> None:
    assert page(f"https://example.com{path}").pathname == pathname


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("ref=hn", "hn"),
        ("source=fb", "fb"),
        ("ref=hn&source=fb", "fb"),
        ("Ref=%20hn%20", "hn"),
        ("ref=&ref=second", "second"),
        ("ref=%00", None),
        ("reference=x", None),
        ("", None),
    ],
)
def test_ref_and_source_parameters_name_the_source(query: str, named: str | None) -> None:
    assert page(f"/?{query}").named == named


@pytest.mark.parametrize(
    ("query", "click_id"),
    [
        ("gclid=Cj0KC", "gclid"),
        ("GCLID=Cj0KC", "gclid"),
        ("fbclid=IwAR&gclid=Cj0", "gclid"),
        ("ScCid=abc", "sccid"),
        ("gclid=", None),
        ("xgclid=1", None),
    ],
)
def test_click_id_is_stored_as_its_key_without_the_value(query: str, click_id: str | None) -> None:
    found = page(f"/?{query}")
    assert found.click_id == click_id
    assert not any(value in repr(found) for value in ("Cj0", "IwAR", "abc"))


@pytest.mark.parametrize(
    "address",
    [
        "/?utm_source=a&amp;utm_medium=b",
        "/?x=1&amp;utm_source=a&amp;amp;utm_medium=b",
        "/#/route?utm_source=a&utm_medium=b",
        "/#/route?utm_source=a&amp;utm_medium=b",
        "/#!/route?x=1&utm_source=a&utm_medium=b",
        "/#utm_source=a&utm_medium=b",
        "/?utm_source=a#/route?utm_source=c&utm_medium=b",
    ],
)
def test_read_page_finds_tags_behind_escaped_ampersands_and_in_the_fragment(address: str) -> None:
    assert page(address).tags == {"utm_source": "a", "utm_medium": "b"}


def test_read_page_finds_ref_and_click_id_in_the_fragment() -> None:
    found = page("https://example.com/app#/route?ref=hn&gclid=1")
    assert (found.pathname, found.named, found.click_id) == ("/app", "hn", "gclid")
    assert page("/#a-heading=is-no-query").tags == {}


def test_read_page_trims_a_bare_path_like_a_full_url() -> None:
    assert page(" /a ") == page("/a")


@given(st.text(max_size=80))
def test_read_page_accepts_any_text_and_pages_have_host_and_path(text: str) -> None:
    for url in (text, f"/{text}", f"https://{text}", f"https://example.com/{text}"):
        found = read_page(url, SITE)
        if found is not None:
            assert found.hostname
            assert found.hostname == found.hostname.lower()
            assert found.pathname
            assert found.pathname == found.pathname.rstrip()
