"""The side of a supervised process: what it gets from its supervisor, and what it tells it."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import click

from commands.child import READY, RETIRE


@dataclass(frozen=True, slots=True)
class Supervised:
    """The open files that a process has inherited from its supervisor (`supervisor.py`)."""

    control: socket.socket
    """Connected to the supervisor: READY goes out, RETIRE comes in."""
    listeners: tuple[socket.socket, ...]
    """The socket to listen at, then those of the other processes; empty for a worker."""

    @property
    def own(self) -> list[socket.socket]:
        return list(self.listeners[:1])

    @property
    def siblings(self) -> Sequence[socket.socket]:
        return self.listeners[1:]

    def ready(self) -> None:
        """Tell the supervisor that this process serves."""
        with suppress(OSError):  # the supervisor has died, which `watch` notices
            self.control.send(READY)

    def watch(self, retire: Callable[[], None]) -> None:
        """Call `retire` when the supervisor asks for it; stop as on SIGTERM when it has died."""
        loop = asyncio.get_running_loop()

        def look() -> None:
            with suppress(OSError):
                if self.control.recv(len(RETIRE)) == RETIRE:
                    retire()
                    return
            loop.remove_reader(self.control)
            os.kill(os.getpid(), signal.SIGTERM)

        self.control.setblocking(False)
        loop.add_reader(self.control, look)


def _supervised(_: click.Context, __: click.Parameter, text: str | None) -> Supervised | None:
    if text is None:
        return None
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is for the supervisor
    control, *listeners = (socket.socket(fileno=int(number)) for number in text.split(","))
    return Supervised(control, tuple(listeners))


supervised_option = click.option(
    "--supervised", hidden=True, callback=_supervised, help="Numbers of inherited open files."
)
