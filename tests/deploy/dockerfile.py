"""Reads the instructions of a Dockerfile, for tests where nothing can build it."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
OPTION = re.compile(r"--[a-z-]+=\S+\s+")


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction, such as COPY, and what follows it, without options such as `--from=`."""

    name: str
    text: str
    options: tuple[str, ...]


def instructions(path: Path = DOCKERFILE) -> list[Instruction]:
    """Return the instructions of a Dockerfile."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    found = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, rest = line.split(None, 1)
            options = OPTION.match(rest) and [one.strip() for one in OPTION.findall(rest)]
            found.append(Instruction(name, OPTION.sub("", rest).strip(), tuple(options or ())))
    return found


def copied() -> list[str]:
    """Return the paths in the checkout that are copied into the image or a stage of it."""
    return [
        path
        for one in instructions()
        if one.name == "COPY" and not any(option.startswith("--from") for option in one.options)
        for path in shlex.split(one.text)[:-1]
    ]


def command(name: str) -> list[str]:
    """Return the last command that an instruction such as CMD gives as a JSON array."""
    text = [one.text for one in instructions() if one.name == name][-1]
    parsed: Any = orjson.loads(text.removeprefix("CMD").strip())
    return list(parsed)


def environment() -> dict[str, str]:
    """Return what ENV sets in the image."""
    words = [word for one in instructions() if one.name == "ENV" for word in shlex.split(one.text)]
    return dict(word.split("=", 1) for word in words)
