"""Chooses the encoding of an answer by the Accept-Encoding headers of its request (RFC 9110)."""

import re
from collections.abc import Iterable, Sequence

Header = tuple[bytes, bytes]

WEIGHT = re.compile(r"0(\.\d*)?|1(\.0*)?")
MIN_WEIGHT = 0.001
"""The lowest weight that does not refuse an encoding."""

IDENTITY = "identity"
"""The name of sending an answer as it is."""


def accepted_encodings(headers: Iterable[Header]) -> bytes:
    """Return what the Accept-Encoding headers say, which may be several; empty if there is none."""
    return b",".join(value for name, value in headers if name == b"accept-encoding")


def preferred_encoding(accepted: str, offered: Sequence[str]) -> str | None:
    """Return that of the offered encodings which the client prefers; None to send it as it is.

    Of encodings with the same weight, the first offered one is preferred. `*` is the weight of
    those that the header does not name.
    """
    weights = _weights_of(accepted)
    others = weights.get("*", 0.0)
    best, most = None, max(weights.get(IDENTITY, 0.0), MIN_WEIGHT)
    for name in offered:
        weight = weights.get(name, others)
        if weight > most or (best is None and weight == most):
            best, most = name, weight
    return best


def _weights_of(accepted: str) -> dict[str, float]:
    """Return the weight of each encoding that the header names; 0 refuses the encoding."""
    weights: dict[str, float] = {}
    for item in accepted.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weights[name] = min(_weight_in(parameters), weights.get(name, 1.0))
    return weights


def _weight_in(parameters: Iterable[str]) -> float:
    """Return the weight that the parameters `q=…` set, by default 1; 0 if it cannot be read."""
    weight = 1.0
    for parameter in parameters:
        name, _, value = (part.strip() for part in parameter.partition("="))
        if name == "q":
            weight = min(weight, float(value) if WEIGHT.fullmatch(value) else 0.0)
    return weight
