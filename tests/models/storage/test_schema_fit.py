"""With which database schemas a version of the program may write."""

import pytest

from models.storage.database_faults import DatabaseUnavailable, FaultKind
from models.storage.schema_fit import SchemaFit, fit_of, own_migrations

OWN = {"0001_initial", "0002_next"}


@pytest.mark.parametrize(
    ("applied", "may_write", "said"),
    [
        # the same migrations
        (OWN, True, "ok"),
        # older: the program's tables or columns are missing
        ({"0001_initial"}, False, "older: 0002_next missing; run `manage.py migrate`"),
        (set(), False, "older: 0001_initial, 0002_next missing; run `manage.py migrate`"),
        # newer: the program does not know data that it must preserve
        (OWN | {"0003_new"}, False, "newer: 0003_new unknown; update this program"),
        # newer, but compatible with older programs
        (OWN | {"0003_new_additive"}, True, "ok"),
        (
            OWN | {"0003_new_additive", "0004_more"},
            False,
            "newer: 0004_more unknown; update this program",
        ),
        # migrations of another branch
        (
            {"0001_initial", "0003_new_additive"},
            False,
            "older: 0002_next missing; run `manage.py migrate`",
        ),
    ],
)
def test_a_program_writes_to_what_it_knows(
    applied: set[str], said: str, *, may_write: bool
) -> None:
    fit = fit_of(OWN, applied)
    assert (fit.may_write, str(fit)) == (may_write, said)
    if may_write:
        fit.refuse_writes()
        return
    with pytest.raises(DatabaseUnavailable) as refused:
        fit.refuse_writes()
    assert refused.value.fault.kind is FaultKind.SCHEMA_MISMATCH
    assert refused.value.fault.code in said


def test_a_program_knows_its_own_migrations() -> None:
    assert "0001_initial" in own_migrations()
    assert all(name[:4].isdigit() for name in own_migrations())
    assert SchemaFit().may_write
