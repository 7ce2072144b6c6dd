"""Web addresses: what is one, and which may be fetched."""

from ipaddress import IPv4Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.addresses import is_allowed, looks_like_address, parse_address
from lectern.errors import InvalidRequest


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("example.org", "https://example.org/"),
        (" HTTP://Example.ORG:80/é?q=ü#part ", "http://example.org/%C3%A9?q=%C3%BC"),
        ("https://example.org/@keeper", "https://example.org/@keeper"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
        ("https://example.org:8443/%41", "https://example.org:8443/%41"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
        ("https://example.org.", "https://example.org/"),
    ],
)
def test_a_typed_address_is_understood(typed, understood):
    assert str(parse_address(typed)) == understood


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "no address",
        "file:///etc/passwd",
        "gopher://example.org/",
        "ftp://example.org/",
        "javascript://example.org/%0aalert(1)",
        "https://user:secret@example.org/",
        "https://",
        "https://exa mple.org",
        "https://example.org\\@127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://example.org:99999/",
        "https://[::1",
        "https://-example.org/",
        "https://example.org/\r\nHost: inside",
        "https://example.org/" + "a" * 3000,
    ],
)
def test_what_is_no_address_is_refused_and_said(typed):
    with pytest.raises(InvalidRequest):
        parse_address(typed)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "2002:7f00:1::1",
        "2002:a00:1::1",
    ],
)
def test_no_address_inside_is_connected_to(address):
    assert not is_allowed(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"]
)
def test_public_addresses_are(address):
    assert is_allowed(ip_address(address))


def test_an_operator_may_allow_a_network_and_no_other():
    home = [IPv4Network("192.168.1.0/24")]

    assert is_allowed(ip_address("192.168.1.9"), home)
    assert is_allowed(ip_address("::ffff:192.168.1.9"), home)
    assert not is_allowed(ip_address("192.168.2.9"), home)


@given(st.ip_addresses(v=4))
def test_an_inner_address_is_judged_like_the_address_itself(inner):
    number = int(inner)
    inside = [f"::ffff:{inner}", f"64:ff9b::{inner}"]
    inside.append(f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1")

    assert {is_allowed(ip_address(each)) for each in inside} == {is_allowed(inner)}


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text):
    try:
        address = parse_address(text)
    except InvalidRequest:
        return
    assert parse_address(str(address)) == address
    assert address.scheme in ("http", "https")
    assert not any(letter in str(address) for letter in "\r\n\t \\")


def test_one_address_alone_is_taken_for_one():
    assert looks_like_address(" https://example.org/a ")
    assert not looks_like_address("See https://example.org/a")
    assert not looks_like_address("example")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://www.example.org/2026/the-harbour/", "example.org the-harbour"),
        ("https://example.org/%2e%2e%2fpasswd", "example.org passwd"),
        ("https://example.org/", "example.org"),
        ("https://example.org/paper.pdf?x=1", "example.org paper.pdf"),
    ],
)
def test_a_file_is_named_by_host_and_last_part(address, name):
    assert parse_address(address).name == name
