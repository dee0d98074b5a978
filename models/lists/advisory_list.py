"""Conditions for customers with advisories, open suggestions or overdue lookups (R30, R86).

Advisories that compare names are missing: names are compared without accents, punctuation and legal
forms, which `models/rules/advisories.py` does and SQL cannot. CLASS_MISMATCH is missing because no
index could find the few customers with it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from models.lists.consent_list import with_advisory
from models.lists.customer_scope import of_customers_in_scope
from models.rules.advisories import DISSOLVED, STRIKE_OFF, AdvisoryCode
from models.rules.consent_advice import ConsentAdvisoryCode
from models.rules.refresh import LATE
from models.storage.sql import Sql, is_postgres, to_database
from models.storage.tenant_scope import current_tenant
from models.tables.customer import IS_REFRESHED, Customer

_LOOKED_UP = "t0.customer_class_id IN (SELECT id FROM customer_class WHERE check_companies_house)"
_NOT_ACTIVE = "erased_at IS NULL AND company_status NOT IN ('active', 'open', 'registered')"
_STRIKE_OFF = "erased_at IS NULL AND {detail} = '" + STRIKE_OFF + "'"
_OPEN = "SELECT customer_id FROM suggestion WHERE status = 'OPEN'"


def with_any_code(codes: Sequence[AdvisoryCode], now: datetime, oldest_age: timedelta) -> Sql:
    """Return the condition for customers with any of the advisories; without any, for nobody.

    `oldest_age` is the age from which consent counts as outdated. Raises ValueError for an advisory
    that SQL cannot find.
    """
    conditions = [_with_code(code, now, oldest_age) for code in dict.fromkeys(codes)]
    return Sql(
        " OR ".join(f"({condition.text})" for condition in conditions) or "1 = 0",
        tuple(parameter for condition in conditions for parameter in condition.parameters),
    )


def with_open_suggestions(*, is_wanted: bool) -> Sql:
    """Return the condition for customers with an open suggestion, or for those without."""
    if is_wanted and current_tenant() is None:
        return Sql(f"t0.id IN ({_OPEN})")
    negation = "" if is_wanted else "NOT "
    return Sql(f"{negation}{_exists(f'{_OPEN} AND customer_id = t0.id')}")


def with_overdue_refresh(now: datetime, *, is_wanted: bool) -> Sql:
    """Return the condition for customers whose refresh is overdue, or for the others."""
    late = to_database(Customer._meta.fields_map["refresh_due_at"], now - LATE)
    overdue = _among_customers(f"{IS_REFRESHED} AND refresh_due_at < ?")
    return Sql(overdue if is_wanted else f"NOT ({overdue})", (late,))


def _with_code(code: AdvisoryCode, now: datetime, oldest_age: timedelta) -> Sql:
    if code is AdvisoryCode.COMPANY_NOT_ACTIVE:
        condition = f"{_NOT_ACTIVE} AND company_status <> '{DISSOLVED}'"
        return Sql(f"{_LOOKED_UP} AND {_among_customers(condition)}")
    if code is AdvisoryCode.COMPANY_DISSOLVED:
        condition = f"{_NOT_ACTIVE} AND company_status = '{DISSOLVED}'"
        return Sql(f"{_LOOKED_UP} AND {_among_customers(condition)}")
    if code is AdvisoryCode.STRIKE_OFF_PROPOSED:
        path = ("details", "company_status_detail")
        detail = (
            f"(profile #>> '{{{','.join(path)}}}')"
            if is_postgres()
            else f"json_extract(profile, '$.{'.'.join(path)}')"
        )
        return Sql(f"{_LOOKED_UP} AND {_among_customers(_STRIKE_OFF.format(detail=detail))}")
    if code is AdvisoryCode.DUPLICATE_COMPANY_NUMBER:
        return Sql(_is_doubled())
    return with_advisory(ConsentAdvisoryCode(code), now, oldest_age)


def _among_customers(condition: str) -> str:
    """Return the condition that a customer is among the few who meet `condition`, by its index.

    Customers in a tenant scope are few anyway, and are looked at one by one.
    """
    if current_tenant() is not None:
        return f"EXISTS (SELECT 1 FROM customer AS one WHERE one.id = t0.id AND {condition})"  # noqa: S608  # no value is spelt out
    return f"t0.id IN (SELECT id FROM customer WHERE {condition})"  # noqa: S608  # see above


def _is_doubled() -> str:
    """Return the condition for customers whose company number another one has, too.

    Erased customers have no number. Within a tenant scope, the time must not tell whether customers
    out of scope have it. PostgreSQL looks at each customer of the list in its index of numbers;
    SQLite, which would read the table for that, groups the index once.
    """
    if current_tenant() is None and is_postgres():
        return _exists(
            "SELECT 1 FROM customer AS other WHERE other.company_number = t0.company_number"
            " AND other.id <> t0.id"
        )
    scope = "" if current_tenant() is None else f" AND {of_customers_in_scope('id')}"
    return (
        "t0.company_number IN (SELECT company_number FROM customer"  # noqa: S608  # see above
        f" WHERE company_number IS NOT NULL{scope} GROUP BY company_number HAVING count(*) > 1)"
    )


def _exists(statement: str) -> str:
    """Return an EXISTS that is looked up by an index for each customer of the list.

    OFFSET keeps PostgreSQL from joining the whole table instead.
    """
    return f"EXISTS ({statement}{' OFFSET 0' if is_postgres() else ''})"
