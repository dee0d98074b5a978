"""Runs the example receivers of webhooks as processes of their own."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples" / "webhook-receiver"
BUILT = EXAMPLE / "typescript" / "dist" / "receiver.js"
ENOUGH_S = 60.0

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not BUILT.is_file(),
    reason="no Node.js, or examples/webhook-receiver/typescript is not built:"
    " npm ci && npm run build",
)
COMMANDS = {
    "python": [sys.executable, str(EXAMPLE / "python" / "receiver.py")],
    "typescript": ["node", str(BUILT)],
}
RECEIVERS = [pytest.param("python"), pytest.param("typescript", marks=needs_node)]
"""The parameters of a test that runs with each receiver."""


class Receiving:
    """A running receiver: its address, and what it prints."""

    def __init__(self, output: asyncio.StreamReader) -> None:
        self._output = output
        self.url = ""

    async def line(self) -> str:
        """Wait for the next line that the receiver prints."""
        return (await asyncio.wait_for(self._output.readline(), ENOUGH_S)).decode().strip()


@asynccontextmanager
async def receiving(language: str, secret: str) -> AsyncIterator[Receiving]:
    """Run a receiver on a free port until the block ends."""
    environment = {"PATH": os.environ["PATH"], "WEBHOOK_SECRET": secret, "PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        *COMMANDS[language], stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    receiver = Receiving(process.stdout)
    try:
        told = await receiver.line()
        assert told.startswith("listening on "), told
        receiver.url = f"http://127.0.0.1:{told.rpartition(' ')[2]}/webhooks"
        yield receiver
    finally:
        process.kill()
        await process.communicate()
