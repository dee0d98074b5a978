"""Recognises this machine by host name or IP address. PURE."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether `host` is localhost or a loopback IP address; names are not resolved."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
