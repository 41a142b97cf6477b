"""Stored forms of site ids, hosts, paths and names."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.normalize.names import (
    host_from_input,
    page_from_input,
    referrer_from_input,
    search_forms,
    stored_host,
    stored_label,
    stored_path,
    stored_tag,
)
from mallard.sites.site_id import read_site_id


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("faß.example", "xn--fa-hia.example"),
        ("BÜCHER.example.", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("例え。jp", "xn--r8jz45g.jp"),
        ("☕.example", "xn--53h.example"),
        ("ｅｘａｍｐｌｅ.com", "example.com"),
        ("Example.COM", "example.com"),
        ("2001:DB8::1", "2001:db8::1"),
        (f"{'a' * 63}.example", f"{'a' * 63}.example"),
    ],
)
def test_stored_host_follows_the_rules_of_browsers(written: str, stored: str) -> None:
    assert stored_host(written) == stored


@pytest.mark.parametrize(
    "written",
    ["", ".", "a b", "*.a", "℀.com", "\u0080.com", "ü" * 64, "a" * 64, ".".join(["abc"] * 64), "ü" * 10**6, "\ud800"],
    ids=lambda text: text.encode("unicode_escape")[:12].decode(),
)
def test_stored_host_is_none_for_an_invalid_host(written: str) -> None:
    assert stored_host(written) is None


INVISIBLE = [
    "\u0080", "\u00ad", "\u061c", "\u180e", "\u200b", "\u200e", "\u202e", "\u2028", "\u2060", "\u2066", "\u206f",
    "\ufeff", "\ufff9", "\ufdd0", "\ufffe", "\U0001ffff", "\U000e0041",
]  # fmt: skip


@pytest.mark.parametrize("odd", INVISIBLE, ids=lambda text: f"U+{ord(text):04X}")
@pytest.mark.parametrize("form", [stored_label, stored_path, stored_tag])
def test_stored_name_holds_no_invisible_character(form: Callable[[str], str], odd: str) -> None:
    assert form(f"{odd}/sign{odd}up{odd} {odd}") == "/signup"


@pytest.mark.parametrize("text", ["می\u200cخواهم", "👩\u200d💻", "❤\ufe0f", "日本語", "\u05d0\u0627"])
def test_stored_name_keeps_joiners_and_letters_of_all_scripts(text: str) -> None:
    assert stored_label(text) == stored_tag(text) == text
    assert stored_path(f"/{text}") == f"/{text}"


def test_stored_path_drops_a_percent_encoded_invisible_character() -> None:
    assert stored_path("/a%E2%80%AEb") == "/ab"


@given(st.text(max_size=60))
def test_stored_host_and_site_id_are_stable(text: str) -> None:
    host, site = stored_host(text), read_site_id(text)
    assert host is None or stored_host(host) == host
    assert site is None or read_site_id(site) == site


@given(st.text(max_size=60))
def test_stored_label_is_stable(text: str) -> None:
    assert stored_label(stored_label(text)) == stored_label(text)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("/caf%C3%A9", "/café"),
        ("/cafe%CC%81", "/café"),
        ("/cafe\u0301/*", "/café/*"),
        (" /pricing ", "/pricing"),
        ("/a;jsessionid=1", "/a"),
        ("/search?q=*", "/search?q=*"),
        ("/search?q=red+shoes%21", "/search?q=red shoes!"),
        ("/a+b", "/a+b"),
        ("/%ff", "/%ff"),
        ("https://example.com/caf%C3%A9?q=1", "/café?q=1"),
        ("https://example.com", "/"),
        ("/app#/settings", "/app#/settings"),
    ],
)
def test_page_from_input_is_the_stored_path(written: str, stored: str) -> None:
    assert page_from_input(written) == stored


def test_stored_path_and_page_from_input_agree_about_paths() -> None:
    for path in ("/caf%C3%A9", "/cafe%CC%81", "/a%20", "/a;sid=1", "/%00", "/e\u0301"):
        assert page_from_input(path) == stored_path(path)


def test_host_and_referrer_from_input_accept_pasted_urls() -> None:
    assert host_from_input("https://Bücher.example/x") == "xn--bcher-kva.example"
    assert host_from_input("(not set)") == "(not set)"
    assert referrer_from_input("https://bücher.example/x#y") == "https://xn--bcher-kva.example/x"
    assert referrer_from_input("Direct / None") == "Direct / None"


def test_forms_hold_the_text_as_written_when_it_differs() -> None:
    assert search_forms("Signup ", stored_label) == ("Signup", "Signup ")
    assert search_forms("Signup", stored_label) == ("Signup",)


def test_names_load_idna_tables_only_on_demand() -> None:
    program = (
        "import sys; from mallard.normalize.names import stored_host; stored_host('a.b'); print('idna' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
