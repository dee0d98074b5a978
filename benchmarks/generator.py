"""A load generator for machines without wrk: a separate program that prints one JSON line."""

import argparse
import asyncio
import itertools
import time
from pathlib import Path

import aiohttp
import orjson

NUMBER = "%N%"
WRAP = 100_000_000


def numbered(body: str, number: int) -> bytes:
    """Replace each placeholder in `body` with `number`, padded to eight digits."""
    return body.replace(NUMBER, f"{number % WRAP:08d}").encode()


async def drive(options: argparse.Namespace) -> dict[str, float]:
    """Send the bodies in rotation over `concurrency` connections until the duration has passed.

    Returns the figures of the run: requests, seconds, latencies in ms, bytes and failures.
    """
    bodies = await asyncio.to_thread(Path(options.bodies).read_text, encoding="utf-8")
    turns = itertools.cycle(bodies.splitlines())
    numbers = itertools.count(options.number + 1)
    headers = {"Content-Type": "application/json"}
    if options.token != "-":  # noqa: S105  # stands for none
        headers["Authorization"] = f"Bearer {options.token}"
    took: list[float] = []
    sizes = failed = 0
    begun = time.perf_counter()

    async def send_until_over(session: aiohttp.ClientSession) -> None:
        nonlocal sizes, failed
        while time.perf_counter() - begun < options.seconds:
            body = next(turns)
            data = numbered(body, next(numbers)) if NUMBER in body else body.encode()
            start = time.perf_counter()
            try:
                async with session.post(options.url, data=data) as answer:
                    sizes += len(await answer.read())
                    failed += answer.status >= 400  # noqa: PLR2004  # HTTP's first failure
            except aiohttp.ClientError:
                failed += 1
            took.append(time.perf_counter() - start)

    connector = aiohttp.TCPConnector(limit=options.concurrency)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as one:
        await asyncio.gather(*(send_until_over(one) for _ in range(options.concurrency)))
    seconds = time.perf_counter() - begun
    took.sort()
    return {
        "requests": len(took),
        "seconds": seconds,
        "p50_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[min(len(took) - 1, len(took) * 99 // 100)] * 1000,
        "bytes": sizes,
        "failed": failed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--bodies", required=True)
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--token", default="-")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--concurrency", type=int, default=32)
    print("MEASURED", orjson.dumps(asyncio.run(drive(parser.parse_args()))).decode(), flush=True)


if __name__ == "__main__":
    main()
