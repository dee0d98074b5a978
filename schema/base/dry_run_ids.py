"""The ids in the payload of a dry run: marked, because they name nothing that is stored."""

from collections.abc import Iterator, Sequence
from typing import Any

from models.rules.errors import Refusal, RefusalCode
from schema.base.input_faults import fields_of

PREFIX = "dryrun:"


def as_dry_run_id(value: str) -> str:
    """Return the id as the payload of a dry run shows it."""
    return f"{PREFIX}{value}"


def dry_run_ids_in(input_: Any) -> list[Refusal]:
    """Return a refusal (NOT_FOUND) of each id in a mutation's input that comes from a dry run."""
    return [
        Refusal(
            RefusalCode.NOT_FOUND,
            "This id comes from a dry run, which stored nothing. Send the id of a stored object.",
            path,
        )
        for path in _paths(input_, ())
    ]


def with_dry_run_ids(refusals: Sequence[Refusal], of_ids: Sequence[Refusal]) -> list[Refusal]:
    """Add the refusals of ids from dry runs, which replace other refusals of the same fields."""
    paths = {one.path for one in of_ids}
    return [*(one for one in refusals if one.path not in paths), *of_ids]


def _paths(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the path of each id from a dry run: of a field, or of an entry of a list of ids."""
    kind: type = type(value)
    for name, field in fields_of(kind).items():
        inner = getattr(value, field.attribute)
        is_id = field.attribute in {"id", "ids"} or field.attribute.endswith(("_id", "_ids"))
        is_list = isinstance(inner, list)
        for place, one in enumerate(inner if is_list else [inner]):
            below = (*path, name, str(place)) if is_list else (*path, name)
            if not is_id:
                yield from _paths(one, below)
            elif isinstance(one, str) and one.startswith(PREFIX):
                yield below
