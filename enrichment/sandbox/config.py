"""What an operator or a test may set about a sandbox."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Port 0 takes a free one. `limit` requests in `window_s` seconds a key, both APIs together.

    `latency_ms` is added to every answer of the APIs; `fault_rate` (0 to 1) of them become a 5xx,
    drawn from `seed`. `documents` is a folder of real accounts to serve. `log` gets a JSON object a
    line for each request. Links to storage live `link_lifetime_s` seconds by `clock`.
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
            raise ValueError("the fault rate is a share, from 0 to 1")
        if self.limit < 1 or self.window_s <= 0 or self.latency_ms < 0:
            raise ValueError("limit and window must be positive, and latency not negative")
