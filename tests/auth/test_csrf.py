"""From which page a request came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.auth.csrf import RequestPage, page_of, passed_a_proxy

DASHBOARD = "https://dash.example.org"


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        ({"sec-fetch-site": "same-origin", "host": "a.example"}, RequestPage.OWN),
        ({"origin": "https://a.example", "host": "a.example"}, RequestPage.OWN),
        ({"origin": "https://a.example", "host": "A.example:443"}, RequestPage.OWN),
        ({"origin": "http://localhost:8000", "host": "localhost:8000"}, RequestPage.OWN),
        # A proxy that passes on another host: the browser's own word counts.
        ({"sec-fetch-site": "same-origin", "origin": "https://a.example", "host": "127.0.0.1:8000"}, RequestPage.OWN),
        ({"sec-fetch-site": "cross-site", "origin": DASHBOARD, "host": "a.example"}, RequestPage.OWN),
        ({"origin": DASHBOARD, "host": "a.example"}, RequestPage.OWN),
        ({"sec-fetch-site": "same-site", "origin": "https://b.a.example", "host": "a.example"}, RequestPage.FOREIGN),
        ({"sec-fetch-site": "cross-site", "host": "a.example"}, RequestPage.FOREIGN),
        ({"sec-fetch-site": "cross-site", "origin": "https://a.example", "host": "a.example"}, RequestPage.FOREIGN),
        ({"sec-fetch-site": "none", "host": "a.example"}, RequestPage.FOREIGN),
        ({"origin": "https://evil.example", "host": "a.example"}, RequestPage.FOREIGN),
        ({"origin": "http://localhost:9000", "host": "localhost:8000"}, RequestPage.FOREIGN),
        ({"origin": "null", "host": "a.example"}, RequestPage.FOREIGN),
        ({"origin": "null", "host": ""}, RequestPage.FOREIGN),
        ({"origin": "", "host": ""}, RequestPage.FOREIGN),
        ({"origin": "https://[", "host": "a.example"}, RequestPage.FOREIGN),
        ({"origin": "https://a.example.evil.example", "host": "a.example"}, RequestPage.FOREIGN),
        ({"host": "a.example"}, RequestPage.UNKNOWN),
        ({}, RequestPage.UNKNOWN),
    ],
)
def test_request_page_is_determined_from_the_browser_headers(headers: dict[str, str], page: RequestPage) -> None:
    assert page_of(headers, DASHBOARD) is page


def test_other_origins_are_foreign_without_a_dashboard_origin() -> None:
    assert page_of({"origin": DASHBOARD, "host": "a.example"}, "") is RequestPage.FOREIGN
    assert page_of({"origin": "", "host": "a.example"}, "") is RequestPage.FOREIGN


@given(st.text(max_size=50), st.text(max_size=50))
def test_request_page_is_determined_for_any_headers(origin: str, host: str) -> None:
    assert page_of({"origin": origin, "host": host}, DASHBOARD) in RequestPage


@pytest.mark.parametrize("name", ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"])
def test_proxy_is_detected_by_its_headers(name: str) -> None:
    assert passed_a_proxy({"host": "localhost", name: "x"})
    assert not passed_a_proxy({"host": "localhost"})
