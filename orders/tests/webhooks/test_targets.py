"""Where webhooks may go: one reading of a URL, and no address that is not public."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.scalars import ScalarError
from orders.webhooks.targets import MAX_URL, URL_PATTERN, TargetPolicy, Url, is_public, read_target, read_url

STRICT = TargetPolicy()
PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.8.8.8", "169.254.169.254"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.7"),
    *("203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("::", "::1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "fe80::1", "fec0::1"),
    *(
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001::1",
        "2001:0:1::2",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
    ),
    *("3fff::1", "4000::1", "5f00::1"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255"]
PUBLIC += ["2606:4700::1111", "2001:4860:4860::8888", "2a00:1450::1", "2003::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused_also_as_a_mapped_address(address: str) -> None:
    url = read_url("https://example.com/")
    judged = ip_address(address)

    assert not is_public(judged)
    assert STRICT.refusal(url, judged) == "the host leads to an address that is not public"
    if isinstance(judged, IPv4Address):
        assert STRICT.refusal(url, ip_address(f"::ffff:{address}")) == "the host leads to an address that is not public"


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_not(address: str) -> None:
    assert is_public(ip_address(address))
    assert STRICT.refusal(read_url("https://example.com/"), ip_address(address)) is None


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_the_library_knows_as_private_is_never_public(address: IPv4Address | IPv6Address) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not is_public(address)
    if address.is_reserved or address.is_unspecified:
        assert not is_public(address)


def test_networks_of_the_operator_are_allowed_by_any_port_and_without_tls() -> None:
    policy = TargetPolicy([ip_network("10.1.0.0/16"), ip_network("fd00:5::/48")])
    url = read_url("http://inside.example.com:9000/")

    assert policy.refusal(url, ip_address("10.1.255.1")) is None
    assert policy.refusal(url, ip_address("::ffff:10.1.0.1")) is None
    assert policy.refusal(url, ip_address("fd00:5::1")) is None
    assert policy.refusal(url, ip_address("10.2.0.1")) == "the host leads to an address that is not public"
    assert policy.refusal(url, ip_address("8.8.8.8")) == "must begin with https://"
    assert policy.refusal(url._replace(scheme="https"), ip_address("8.8.8.8")) == "port 9000 is not one of 443, 8443"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://example.com", Url("https", "example.com", 443, "/")),
        ("https://Example.COM:8443/a/b?c=d%20e", Url("https", "example.com", 8443, "/a/b?c=d%20e")),
        ("https://xn--bcher-kva.example/?q", Url("https", "xn--bcher-kva.example", 443, "/?q")),
        ("https://example.com?a=b", Url("https", "example.com", 443, "/?a=b")),
        ("https://[2606:4700:0::1111]:443/x", Url("https", "2606:4700::1111", 443, "/x")),
        ("https://1.1.1.1/", Url("https", "1.1.1.1", 443, "/")),
    ],
)
def test_a_url_is_read_in_its_parts(text: str, read: Url) -> None:
    assert read_url(text) == read
    assert read_target(text, STRICT) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "HTTPS://example.com/",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://good.example\\@127.0.0.1/",
        "https://good.example#@127.0.0.1/",
        "https://example.com/a b",
        "https://example.com/a\nHost: other",
        "https://example.com/\x00",
        "https://example.com/#part",
        "https://bücher.example/",
        "https://example.com/ü",
        "https://１２７.0.0.1/",
        "https://example.com./",
        "https://localhost./",
        "https://-a.example/",
        "https://a..example/",
        f"https://{'a' * 64}.example/",
        f"https://{'a.' * 127}example/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.1.0/",
        "https://[::1%25lo]/",
        "https://[::ffff:127.0.0.1",
        "https://[1.2.3.4]/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:/",
        "https://example.com/" + "a" * 2048,
    ],
)
def test_what_could_be_read_in_two_ways_is_no_url(text: str) -> None:
    with pytest.raises(ScalarError) as refusal:
        read_url(text)

    is_of_the_form = re.fullmatch(URL_PATTERN.removesuffix("$"), text) is not None and len(text) <= MAX_URL
    assert refusal.value.code == ("url_not_allowed" if is_of_the_form else "invalid")


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com/",
        "https://example.com:22/",
        "https://localhost/",
        "https://redis/",
        "https://a.localhost/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://0.0.0.0/",
    ],
)
def test_what_no_name_could_make_right_is_refused_when_it_is_stated(text: str) -> None:
    with pytest.raises(ScalarError) as refusal:
        read_target(text, STRICT)

    assert refusal.value.code == "url_not_allowed"


@given(st.text(alphabet="abz019.-:/@[]#?%\\ _", max_size=40))
def test_no_other_reader_sees_another_host(rest: str) -> None:
    """What this reader takes, the standard library reads alike."""
    text = f"https://{rest}"
    try:
        url = read_url(text)
    except ScalarError:
        return
    other = urlsplit(text)
    assert (other.hostname, other.port or 443, other.username, other.fragment) == (url.host, url.port, None, "")
