"""Binds the sockets on which servers listen."""

import socket

BACKLOG = 2048
"""Connections that wait at a socket at most, as uvicorn has it."""


def free_socket(host: str) -> socket.socket:
    """Return a socket bound to a free port of a host, with the options that uvicorn sets."""
    return _bound(host, 0)


def shared_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Return `count` sockets listening at one port, among which the kernel spreads connections.

    If `port` is 0, a free one is chosen. Raises OSError if another program listens at the port,
    also if that shares it.
    """
    _bound(host, port).close()  # refuses a port that another service shares with its own processes
    bound = [_bound(host, port, is_shared=True)]
    chosen = bound[0].getsockname()[1]
    bound += [_bound(host, chosen, is_shared=True) for _ in range(count - 1)]
    for one in bound:
        one.listen(BACKLOG)  # now, so that no second service can share the port
    return bound


def _bound(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    (family, kind, number, _, address), *_ = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    made = socket.socket(family, kind, number)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
