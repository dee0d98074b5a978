"""The settings of a sandbox."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """The settings of a sandbox; port 0 picks a free port.

    Each API key may send `limit` requests in `window_s` seconds, to both APIs together.
    `latency_ms` is added to each answer of the APIs. `fault_rate` (0 to 1) is the share of answers
    with a 5xx status; `seed` determines which these are. `documents` is a folder of real accounts
    to serve. `log` is a file to which a JSON line for each request is appended. Links to storage
    expire after `link_lifetime_s` seconds. `clock` returns the time in epoch seconds.
    """

    host: str = "127.0.0.1"
    port: int = 0
    storage_port: int = 0
    documents: Path | None = None
    latency_ms: float = 0.0
    limit: int = 600
    window_s: float = 300.0
    is_window_rolling: bool = False
    sends_retry_after: bool = True
    fault_rate: float = 0.0
    seed: int = 0
    log: Path | None = None
    link_lifetime_s: int = 60
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if not 0 <= self.fault_rate <= 1:
            raise ValueError("the fault rate must be from 0 to 1")
        if self.limit < 1 or self.window_s <= 0 or self.latency_ms < 0:
            raise ValueError("limit and window must be positive, and latency not negative")
