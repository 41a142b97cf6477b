"""The client's address: what a trusted proxy saw, never what a client wrote."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallard.ingest.trusted_proxies import MAX_HOPS, TrustedProxies, client_address

NETWORKS = [ip_network(each) for each in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "2001:db8:ffff::/48")]
PROXIES = TrustedProxies(NETWORKS)


def test_address_is_the_peer_without_a_forwarded_header() -> None:
    assert client_address("198.51.100.1", "", PROXIES) == "198.51.100.1"
    assert client_address("127.0.0.1", "", PROXIES) == "127.0.0.1"


def test_the_header_of_an_untrusted_peer_is_ignored() -> None:
    assert client_address("198.51.100.1", "203.0.113.7", PROXIES) == "198.51.100.1"


def test_forwarded_header_is_ignored_without_trusted_proxies() -> None:
    assert client_address("127.0.0.1", "203.0.113.7", TrustedProxies([])) == "127.0.0.1"


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "10.1.2.3", "2001:db8:ffff::9"])
def test_forwarded_header_of_a_trusted_peer_is_used(peer: str) -> None:
    assert client_address(peer, "203.0.113.7", PROXIES) == "203.0.113.7"


def test_the_header_is_read_from_the_right_past_trusted_hops() -> None:
    assert client_address("127.0.0.1", "203.0.113.7, 10.0.0.2, 10.0.0.1", PROXIES) == "203.0.113.7"


def test_hops_left_of_the_first_untrusted_hop_are_ignored() -> None:
    assert client_address("127.0.0.1", "192.0.2.1, 203.0.113.7", PROXIES) == "203.0.113.7"
    assert client_address("127.0.0.1", "10.0.0.9, 192.0.2.1, 203.0.113.7, 10.0.0.1", PROXIES) == "203.0.113.7"


def test_address_is_the_leftmost_hop_when_every_hop_is_trusted() -> None:
    assert client_address("127.0.0.1", "10.0.0.2, 10.0.0.1", PROXIES) == "10.0.0.2"


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        ("203.0.113.7:49152", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:49152", "2001:db8::7"),
        ("  203.0.113.7  ", "203.0.113.7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
    ],
)
def test_a_hop_loses_its_port_and_brackets(hop: str, address: str) -> None:
    assert client_address("127.0.0.1", hop, PROXIES) == address


@pytest.mark.parametrize("hop", ["unknown", "_hidden", "", " ", "999.1.1.1", "203.0.113", "[", "[]:80", ":80", "a:b:c"])
def test_invalid_hop_ends_the_walk_at_the_last_valid_one(hop: str) -> None:
    assert client_address("127.0.0.1", hop or " ", PROXIES) == "127.0.0.1"
    assert client_address("127.0.0.1", f"203.0.113.7, {hop}", PROXIES) == "127.0.0.1"
    assert client_address("127.0.0.1", f"203.0.113.7, {hop}, 10.0.0.1", PROXIES) == "10.0.0.1"


def test_forwarded_hops_are_read_up_to_a_limit() -> None:
    hops = ", ".join(["203.0.113.7", *["10.0.0.1"] * MAX_HOPS])
    assert client_address("127.0.0.1", hops, PROXIES) == "10.0.0.1"


def test_a_peer_without_an_address_is_not_trusted() -> None:
    assert client_address("", "203.0.113.7", PROXIES) == ""
    assert client_address("testclient", "203.0.113.7", PROXIES) == "testclient"


@settings(deadline=None)
@given(st.text(max_size=80), st.sampled_from(["203.0.113.7", "2001:db8::7"]))
def test_forwarded_header_of_a_client_does_not_change_the_address_a_proxy_added(written: str, seen: str) -> None:
    assert client_address("127.0.0.1", f"{written}, {seen}", PROXIES) == seen


@settings(deadline=None)
@given(st.text(max_size=80))
def test_client_address_accepts_any_header(header: str) -> None:
    assert isinstance(client_address("127.0.0.1", header, PROXIES), str)


def test_an_ipv4_address_seen_as_ipv6_is_the_ipv4_address() -> None:
    assert client_address("::ffff:198.51.100.1", "", PROXIES) == "198.51.100.1"
    assert client_address("::ffff:127.0.0.1", "::ffff:203.0.113.7", PROXIES) == "203.0.113.7"
    assert client_address("::ffff:198.51.100.1", "203.0.113.7", PROXIES) == "198.51.100.1"


@given(st.ip_addresses())
def test_trusted_proxies_include_every_address_of_their_networks(address: Any) -> None:
    assert (address.packed in PROXIES) == any(address in each for each in NETWORKS)


@pytest.mark.parametrize("number", range(len(NETWORKS)))
def test_networks_reach_from_their_first_address_to_their_last(number: int) -> None:
    first, last = NETWORKS[number][0], NETWORKS[number][-1]
    assert first.packed in PROXIES
    assert last.packed in PROXIES
    assert (last + 1).packed not in PROXIES
    assert (first - 1).packed not in PROXIES


@given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", fullmatch=True) | st.ip_addresses().map(str))
def test_hop_parsing_agrees_with_the_ipaddress_module(hop: str) -> None:
    try:
        expected = ip_address(hop)
    except ValueError:
        assert client_address("127.0.0.1", hop, PROXIES) == "127.0.0.1"
    else:
        assert client_address("127.0.0.1", hop, PROXIES) == str(getattr(expected, "ipv4_mapped", None) or expected)
