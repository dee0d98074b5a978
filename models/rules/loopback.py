"""Recognises host names and IP addresses of the local machine. PURE."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether `host` is `localhost` or a loopback IP address; names are not resolved."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
