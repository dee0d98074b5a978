"""Accepts connections that other processes of this server neglect.

The processes of `serve --processes` listen at one port, each at a socket of its own, among which
the kernel spreads new connections. Those at the socket of a process that has died, starts or is
stuck would wait for it. So each process also has the other sockets, and looks after them.
"""

import selectors
import socket
from collections.abc import Sequence

MAX_ACCEPTED = 64
"""Connections that are accepted from one socket at a time."""


class NeglectedSockets:
    """The listening sockets of other processes, each of which accepts its connections as a rule."""

    def __init__(self, listeners: Sequence[socket.socket]) -> None:
        self._selector = selectors.DefaultSelector()
        self._listeners = listeners
        for listener in listeners:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ)
        self._waited: set[int] = set()

    def accept(self) -> list[socket.socket]:
        """Return the connections at sockets where some waited at the last call, and some do now."""
        waiting = {key.fd for key, _ in self._selector.select(0)}
        neglected, self._waited = waiting & self._waited, waiting
        return [
            connection
            for listener in self._listeners
            if listener.fileno() in neglected
            for connection in _accepted(listener)
        ]

    def close(self) -> None:
        """Close the sockets of this process; other processes keep theirs."""
        self._selector.close()
        for listener in self._listeners:
            listener.close()
        self._listeners = ()


def _accepted(listener: socket.socket) -> list[socket.socket]:
    connections: list[socket.socket] = []
    while len(connections) < MAX_ACCEPTED:
        try:
            connection, _ = listener.accept()
        except OSError:  # none is left, or it has gone, or too many files are open
            break
        connection.setblocking(False)
        connections.append(connection)
    return connections
