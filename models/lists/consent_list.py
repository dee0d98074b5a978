"""Finds and counts customers by their consent at an instant, with indexed SQL conditions.

A *matter* is either consent or a request for non-itemised bills; see `models/rules/consent.py`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from models.lists.customer_scope import has_small_scope, in_scope_first
from models.rules.classification import LEGAL_INDIVIDUAL
from models.rules.consent import DOCUMENTED, ConsentBasis, Matter
from models.rules.consent_advice import ConsentAdvisoryCode, GivenConsent
from models.storage.row_query_compiler import columns_reader
from models.storage.sql import Sql, all_of, among, run, to_database
from models.storage.tenant_scope import current_tenant
from models.tables.consent_entry import ConsentPeriod

_OF_INDIVIDUALS = (
    f"t0.customer_class_id IN (SELECT id FROM customer_class WHERE {LEGAL_INDIVIDUAL})"  # noqa: S608  # no value is spelt out
)
_UNVERIFIED = (
    "SELECT customer_id FROM contact WHERE deleted_at IS NULL AND is_active AND receives_bills"
    " AND email IS NOT NULL AND email_verified_at IS NULL"
)
"""Selects the customers who have a contact that receives bills at an unverified address (A13)."""
_GIVEN = ("customer_id", "from_at", "until_at", "basis", "document_version")
_DOCUMENTED = ", ".join(f"'{basis.value}'" for basis in DOCUMENTED)


def is_on(matter: Matter, now: datetime, *, is_wanted: bool = True) -> Sql:
    """Return the condition for customers with consent, or such a request, in effect at `now`.

    `matter` says which of the two. With `is_wanted=False`, it is the condition for all others.
    """
    on = _during(matter, now, is_rare=is_wanted and matter is Matter.NON_ITEMISED)
    return on if is_wanted else Sql(f"NOT {on.text}", on.parameters)


def with_advisory(code: ConsentAdvisoryCode, now: datetime, oldest_age: timedelta) -> Sql:
    """Return the condition for customers with an advisory, by the rules of `consent_advisories`.

    `oldest_age` is the age from which consent counts as outdated.
    """
    if code is ConsentAdvisoryCode.REVIEW_CONSENT:
        instant = to_database(ConsentPeriod._meta.fields_map["until_at"], now)
        return Sql(
            "t0.consent_review_due_at IS NOT NULL AND EXISTS (SELECT 1 FROM consent_period"  # noqa: S608  # no value is spelt out
            f" WHERE matter = '{Matter.CONSENT.value}' AND (until_at IS NULL OR until_at > ?)"
            " AND customer_id = t0.id)",
            (instant,),
        )
    if code is ConsentAdvisoryCode.CONSENT_BY_TERMS:
        by_terms = _during(Matter.CONSENT, now, f"basis = '{ConsentBasis.TERMS_ACCEPTED.value}'")
        return Sql(f"{_OF_INDIVIDUALS} AND {by_terms.text}", by_terms.parameters)
    if code is ConsentAdvisoryCode.CONSENT_WITHOUT_VERSION:
        unversioned = f"basis IN ({_DOCUMENTED}) AND document_version IS NULL"
        return _during(Matter.CONSENT, now, unversioned, is_rare=True)
    if code is ConsentAdvisoryCode.CONSENT_REACHES_UNVERIFIED:
        given = _during(Matter.CONSENT, now)
        return Sql(
            f"EXISTS ({_UNVERIFIED} AND customer_id = t0.id) AND {given.text}", given.parameters
        )
    return _during(Matter.CONSENT, now, since=now - oldest_age, is_rare=True)


def with_any_advisory(
    codes: Sequence[ConsentAdvisoryCode], now: datetime, oldest_age: timedelta
) -> Sql:
    """Return the condition for customers with any of the advisories; without any, for nobody."""
    conditions = [with_advisory(code, now, oldest_age) for code in dict.fromkeys(codes)]
    return Sql(
        " OR ".join(f"({condition.text})" for condition in conditions) or "1 = 0",
        tuple(parameter for condition in conditions for parameter in condition.parameters),
    )


async def count_advisories(now: datetime, oldest_age: timedelta) -> dict[ConsentAdvisoryCode, int]:
    """Return the number of customers with each advisory.

    One statement counts them, after another that says whether the tenant scope is small.
    """
    own = [in_scope_first()] if await has_small_scope() else []
    conditions = [
        all_of([*own, with_advisory(code, now, oldest_age)]) for code in ConsentAdvisoryCode
    ]
    counts = (
        "(SELECT count(*) FROM customer AS t0 WHERE t0.erased_at IS NULL"  # noqa: S608  # no value is spelt out
        f" AND {condition.text})"
        for condition in conditions
    )
    parameters = [parameter for condition in conditions for parameter in condition.parameters]
    ((*counted,),) = await run(f"SELECT {', '.join(counts)}", parameters)
    return {code: int(count) for code, count in zip(ConsentAdvisoryCode, counted, strict=True)}


async def given_consents(customer_ids: Sequence[str]) -> dict[str, list[GivenConsent]]:
    """Return the consent periods of each customer, by customer id, read by two statements."""
    is_consent = Sql("t0.matter = ?", (Matter.CONSENT.value,))
    where = all_of([among("t0.customer_id", customer_ids), is_consent])
    found: dict[str, list[GivenConsent]] = {row_id: [] for row_id in customer_ids}
    for consent in await columns_reader(GivenConsent, ConsentPeriod, _GIVEN).read(where):
        found[consent.customer_id].append(consent)
    of_these = among("customer_id", customer_ids)
    rows = await run(f"{_UNVERIFIED} AND {of_these.text}", of_these.parameters)
    unverified = {row[0] for row in rows}
    for customer_id, consents in found.items():
        for consent in consents:
            consent.reaches_unverified = customer_id in unverified
    return found


def _during(
    matter: Matter,
    now: datetime,
    condition: str = "1 = 1",
    since: datetime | None = None,
    *,
    is_rare: bool = False,
) -> Sql:
    """Return the condition for customers for whom `matter` is in effect at `now`.

    `condition` is a further condition on the period of the effect, which must have begun by
    `since`, if that is given. `is_rare` says that few customers match; then IN is used, which
    collects all matching periods first, instead of EXISTS, which looks up the periods of each
    customer. SQLite would not choose by itself.
    """
    column = ConsentPeriod._meta.fields_map["from_at"]
    begun, instant = to_database(column, since or now), to_database(column, now)
    periods = (
        f"consent_period WHERE matter = '{matter.value}' AND {condition}"
        " AND from_at <= ? AND (until_at IS NULL OR until_at > ?)"
    )
    if is_rare and current_tenant() is None:  # within a tenant scope, customers are few
        text = f"t0.id IN (SELECT customer_id FROM {periods})"  # noqa: S608  # no value is spelt out
    else:
        text = f"EXISTS (SELECT 1 FROM {periods} AND customer_id = t0.id)"  # noqa: S608  # see above
    return Sql(text, (begun, instant))
