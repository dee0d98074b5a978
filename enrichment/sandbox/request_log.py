"""Records the requests to the sandbox, in memory and in a file with one JSON object per line."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Literal

import orjson

Origin = Literal["api", "document", "storage"]


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request: `time` in epoch seconds, `path` without query, `key` the API key as received."""

    time: float
    origin: Origin
    method: str
    path: str
    status: int
    key: str | None


class RequestLog:
    """Keeps all requests since the start, oldest first; also appends them to a file, if given."""

    def __init__(self, path: Path | None = None) -> None:
        self.requests: list[LoggedRequest] = []
        self._file: IO[bytes] | None = path.open("ab", buffering=0) if path else None

    def add(self, request: LoggedRequest) -> None:
        """Record one request, and write it to the file at once."""
        self.requests.append(request)
        if self._file is not None:
            self._file.write(orjson.dumps(asdict(request)) + b"\n")

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()
