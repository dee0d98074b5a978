"""A process that a supervisor has started."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

READY = b"ready"
RETIRE = b"retire"
MANAGE = Path(__file__).resolve().parent.parent / "manage.py"


class Child:
    """A process of `manage.py`, and a socket to it.

    The process sends READY once it serves, and stops when the socket closes, since its supervisor
    has died then.
    """

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._started = time.monotonic()

    @classmethod
    async def start(
        cls, arguments: Sequence[str], listeners: Sequence[int], environment: Mapping[str, str]
    ) -> Self:
        """Start a process that inherits listening sockets; raises OSError if that fails.

        It has a process group of its own, so that Ctrl-C reaches the supervisor only.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        files = (theirs.fileno(), *listeners)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(MANAGE),
                *arguments,
                "--supervised",
                ",".join(map(str, files)),
                env={**os.environ, **environment},
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=files,
                process_group=0,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def exit_status(self) -> int | None:
        """The exit status, or the negative number of the signal that ended it; None if it lives."""
        return self._process.returncode

    async def is_ready(self) -> bool:
        """Wait until the process serves; return false if it ends instead."""
        with suppress(OSError):
            return await asyncio.get_running_loop().sock_recv(self._control, len(READY)) == READY
        return False

    async def ended(self) -> int:
        """Wait for the end of the process; return its exit status as `exit_status` does."""
        status = await self._process.wait()
        self._control.close()
        return status

    async def ended_within(self, seconds: float) -> bool:
        """Wait for the end of the process, and kill it after some seconds; return if it ended."""
        try:
            async with asyncio.timeout(seconds):
                await self.ended()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.ended()
            return False
        return True

    def retire(self) -> None:
        """Tell the process to take no new connections, and to stop when the present ones end."""
        with suppress(OSError):  # it has ended
            self._control.send(RETIRE)

    def send(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
