"""Tells this machine from others, by names and addresses alone. PURE."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine by its literal name or address; nothing is resolved."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
