"""Which URLs and addresses webhooks may be sent to, as truth tables."""

import pytest

from models.rules.webhook_target import UrlFault, faults_of_url, is_public, message_of

PUBLIC = (
    *("8.8.8.8", "1.1.1.1", "93.184.216.34", "192.0.1.1", "172.15.0.1", "172.32.0.1"),
    *("2606:4700:4700::1111", "2a00:1450:4009::200e", "::ffff:8.8.8.8"),
)

NOT_PUBLIC = (
    *("127.0.0.1", "127.255.255.255", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1"),  # noqa: S104  # refused
    *("172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255"),
    *("192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1"),
    *("255.255.255.255", "224.0.0.1", "239.1.1.1", "192.88.99.1"),
    *("::1", "::", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2001::1"),
    *("2001:db8::1", "3fff::1", "5f00::1", "100::1"),
    *("", "localhost", "127.1", "0x7f000001", "1.2.3.4.5"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_dialled(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_other_addresses_are_not_dialled(address: str) -> None:
    assert not is_public(address)


F = UrlFault
FAULTS = [
    ("https://partner.example.com/hooks?key=1", []),
    ("https://partner.example.com:8443/", []),
    ("https://PARTNER.example.com.", []),
    ("https://bücher.example.com/ä", []),
    ("https://xn--bcher-kva.example.com", []),
    ("http://partner.example.com", [F.NOT_HTTPS]),
    ("ftp://partner.example.com", [F.NOT_HTTPS]),
    ("https://user:secret@partner.example.com", [F.HAS_CREDENTIALS]),
    ("https://@partner.example.com", [F.HAS_CREDENTIALS]),
    ("https://partner.example.com/#top", [F.HAS_FRAGMENT]),
    ("https://partner.example.com:0/", [F.BAD_PORT]),
    ("https://partner.example.com:99999/", [F.BAD_PORT]),
    ("https://8.8.8.8/", [F.IP_ADDRESS]),
    ("https://127.0.0.1/", [F.IP_ADDRESS]),
    ("https://[::1]/", [F.IP_ADDRESS]),
    ("https://[::ffff:127.0.0.1]/", [F.IP_ADDRESS]),
    ("https://2130706433/", [F.IP_ADDRESS]),
    ("https://0x7f000001/", [F.IP_ADDRESS]),
    ("https://0177.0.0.1/", [F.IP_ADDRESS]),
    ("https://127.1/", [F.IP_ADDRESS]),
    ("https://0/", [F.IP_ADDRESS]),
    ("https://①②⑦.⓪.⓪.①/", [F.IP_ADDRESS]),
    ("https://localhost/", [F.LOCAL_NAME]),
    ("https://LOCALHOST./", [F.LOCAL_NAME]),
    ("https://db.localhost/", [F.LOCAL_NAME]),
    ("https://metadata.google.internal/", [F.LOCAL_NAME]),
    ("https://printer.local/", [F.LOCAL_NAME]),
    ("https://intranet/", [F.LOCAL_NAME]),
    (
        "http://user@127.0.0.1:0/#a",
        [F.NOT_HTTPS, F.HAS_CREDENTIALS, F.HAS_FRAGMENT, F.BAD_PORT, F.IP_ADDRESS],
    ),
    ("", [F.INVALID]),
    ("https://[v1.x]/", [F.IP_ADDRESS]),
    ("https://partner.example.com../", [F.INVALID]),
    (f"https://{'a.' * 123}example.com", [F.INVALID]),
    (f"https://{'a.' * 121}example.com", []),
    ("https://partner.onion/", [F.LOCAL_NAME]),
    ("partner.example.com", [F.INVALID]),
    ("https://", [F.INVALID]),
    ("https:///path", [F.INVALID]),
    ("https://a b.example.com", [F.INVALID]),
    ("https://partner.example.com\\@127.0.0.1/", [F.INVALID]),
    ("https://partner.example.com/\r\nX: y", [F.INVALID]),
    ("https://-a.example.com", [F.INVALID]),
    ("https://a..example.com", [F.INVALID]),
    ("https://[::1", [F.INVALID]),
    ("https://" + "a" * 2_000, [F.TOO_LONG]),
]


@pytest.mark.parametrize(("url", "faults"), FAULTS)
def test_all_faults_of_a_url_are_told(url: str, faults: list[UrlFault]) -> None:
    assert faults_of_url(url, allows_private=False) == faults


@pytest.mark.parametrize(
    ("url", "faults"),
    [
        ("http://localhost:8000/hooks", []),
        ("http://127.0.0.1:1/", []),
        ("https://[::1]/", []),
        ("ftp://localhost/", [F.NOT_HTTPS]),
        ("http://user@localhost/", [F.HAS_CREDENTIALS]),
        ("nonsense", [F.INVALID]),
    ],
)
def test_in_development_private_targets_are_allowed(url: str, faults: list[UrlFault]) -> None:
    assert faults_of_url(url, allows_private=True) == faults


def test_each_fault_has_a_message() -> None:
    assert all(message_of(fault).endswith(".") for fault in UrlFault)
