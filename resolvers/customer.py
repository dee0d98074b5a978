"""The queries and mutations of customers."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import strawberry

import models
from models.changes import customer_editing, customer_saving
from models.changes.bulk_customers import save_customers
from models.changes.contact_draft import ContactToSave
from models.changes.contact_editing import CONTACT_FIELDS
from models.changes.customer_rows import CustomerRow
from models.changes.customer_saving import CustomerToSave
from models.lists.customer_list import NOT_ERASED, CustomerOrder, count, page
from models.lists.customer_scope import at_account_number
from models.rules.checks import Checks
from models.rules.errors import RefusalCode
from models.rules.row_policy import MAX_CONTACTS_OF_CALL, RowPolicy
from models.rules.urgency import Urgency
from models.storage.sql import Sql, all_of
from models.tables.access import Scope
from models.tables.audit import ActorContext
from resolvers.bulk import ERRORS, RESULTS, RowKind, run_bulk
from resolvers.listing import listed
from resolvers.outcome import Outcome, outcome
from resolvers.own_reference import ExternalReference, OfReseller, at_reference
from resolvers.request_content import content_of
from resolvers.run_mutation import ROWS, Input, given, run_mutation
from resolvers.typed_profile import typed_entries
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.pagination import After, Before, First, Last, page_arguments
from schema.base.permissions import require
from schema.base.projections import row_query_for
from schema.base.selections import selects_at
from schema.types.advisory import OTHER_CUSTOMERS, AdvisedCustomer, advisories_on
from schema.types.bulk_changes import (
    SaveCustomersInput,
    SaveCustomersPayload,
    SaveCustomersResult,
)
from schema.types.consent_changes import GRANT, values_of
from schema.types.customer import Customer
from schema.types.customer_changes import (
    ChangeCustomerClassInput,
    ChangeCustomerClassPayload,
    DeleteCustomerInput,
    DeleteCustomerPayload,
    SaveCustomerInput,
    SaveCustomerPayload,
    SaveCustomerRow,
)
from schema.types.customer_connection import CustomerConnection
from schema.types.customer_filter import CustomerFilter, matching_customers
from schema.types.customer_sort import CustomerSort
from schema.types.on_conflict import OnConflict

SAVED_FIELDS = (
    "name",
    "class_id",
    "class_code",
    "company_number",
    "account_number",
    "external_reference",
    "parent_id",
    "parent_external_reference",
)

ADVISORIES = "advisories"


async def customer(
    info: Info,
    id: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="The id of the customer. Set one of `id`, `accountNumber` and"
            " `externalReference`."
        ),
    ] = None,
    account_number: Annotated[
        str | None,
        strawberry.argument(description="The account number of the customer, instead of `id`."),
    ] = None,
    external_reference: ExternalReference = None,
    reseller_id: OfReseller = None,
) -> Customer | None:
    if sum(one is not None for one in (id, account_number, external_reference)) != 1:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT,
            "Set exactly one of `id`, `accountNumber` and `externalReference`.",
        )
    which = Sql("t0.id = ?", (id,))
    if account_number is not None:
        which = await at_account_number(account_number)
    which = at_reference(external_reference, reseller_id) or which
    found: Customer | None = await row_query_for(info, Customer).read_one(
        all_of([which, NOT_ERASED])
    )
    return found


async def customers(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        CustomerFilter | None,
        strawberry.argument(
            description="Conditions on the customers to list. Null lists all customers."
        ),
    ] = None,
    sort: Annotated[
        CustomerSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(
            description="The order of the list; by default by name. Callers who may not see"
            " personal data cannot sort by name: their list is sorted by account number instead."
        ),
    ] = CustomerOrder.NAME_ASC,
) -> CustomerConnection:
    order: CustomerOrder = sort or CustomerOrder.NAME_ASC
    if info.context.is_masked:
        order = order.without_names
    arguments = page_arguments(
        f"customers-{order.name}",
        (str, str),
        parse=order.parse,
        first=first,
        after=after,
        last=last,
        before=before,
    )
    wanted = matching_customers(info, filter)
    return await listed(
        info,
        CustomerConnection,
        Customer,
        arguments,
        lambda row_query: page(
            row_query,
            wanted,
            order,
            arguments.size,
            beyond=arguments.beyond,
            is_backward=arguments.is_backward,
        ),
        lambda: count(wanted),
        key_columns=(order.column,),
        key_of=lambda node: order.key_of(getattr(node, order.column), node.id),
    )


async def save_customer(info: Info, input: Input[SaveCustomerInput]) -> SaveCustomerPayload:
    _require_for([input], info)

    async def work(act: ActorContext) -> Outcome:
        checks = act.checks()
        wanted = _wanted(act, checks, input)
        if not wanted.contacts:
            saved = await customer_saving.save_customer(act, checks, wanted)
            return outcome(customer=saved.customer, is_replayed=saved.is_replayed)
        row = CustomerRow(0, act, wanted=wanted)
        row.checks.add(*checks.found)
        await save_customers(act, [row], RowPolicy.REFUSE_FAILED_ROWS, Urgency.SAVED)
        if row.refused is not None:
            raise row.refused
        return outcome(customer=row.saved["customer"], is_replayed=row.is_replayed)

    more = partial(_advisories_on_one, info)
    return await run_mutation(info, input, work, SaveCustomerPayload, shows=Customer, more=more)


async def save_many_customers(info: Info, input: Input[SaveCustomersInput]) -> SaveCustomersPayload:
    _require_for(input.rows, info)
    also = partial(_advisories, info, path=(RESULTS,))
    return await run_bulk(info, input, _ROWS, SaveCustomersPayload, also)


async def change_customer_class(
    info: Info, input: Input[ChangeCustomerClassInput]
) -> ChangeCustomerClassPayload:
    async def work(act: ActorContext) -> models.Customer:
        return await customer_editing.change_class(
            act, input.customer_id, input.class_id, input.reason, input.expected_version
        )

    more = partial(_advisories_on_one, info)
    return await run_mutation(
        info, input, work, ChangeCustomerClassPayload, shows=Customer, more=more
    )


async def delete_customer(info: Info, input: Input[DeleteCustomerInput]) -> DeleteCustomerPayload:
    async def work(act: ActorContext) -> Outcome:
        row = await customer_editing.delete_customer(act, input.id, input.expected_version)
        return outcome(deleted_id=row.id)

    return await run_mutation(info, input, work, DeleteCustomerPayload, shows=Customer)


def _require_for(rows: Sequence[SaveCustomerRow], info: Info) -> None:
    """Raise RequestRefused unless the caller has the permissions that fields of rows need."""
    if any(row.consent for row in rows):
        require(info, Scope.CONSENT_WRITE)
    if any(row.contacts for row in rows):
        require(info, Scope.CONTACTS_WRITE)


def _wanted(act: ActorContext, checks: Checks, row: SaveCustomerRow) -> CustomerToSave:
    """Return what an input asks for; wrong values of the profile are added to `checks`."""
    values = given(row, *SAVED_FIELDS)
    if row.profile is not strawberry.UNSET:
        typed = row.profile
        values["profile"] = None if typed is None else typed_entries(checks, typed, act.now)
    consent = row.consent or None
    return CustomerToSave(
        values,
        None if row.id is None else str(row.id),
        row.expected_version,
        row.on_conflict is OnConflict.UPDATE,
        row.template_id,
        is_consent_sent=row.consent is not strawberry.UNSET,
        consent=values_of(consent, GRANT) if consent else None,
        consent_key=consent.idempotency_key if consent else None,
        contacts=[
            ContactToSave(given(one, *CONTACT_FIELDS), one.on_conflict is OnConflict.UPDATE)
            for one in row.contacts or ()
        ],
        content=partial(content_of, row),
    )


def _row(index: int, act: ActorContext, fields: SaveCustomerRow) -> CustomerRow:
    checks = act.checks()
    row = CustomerRow(index, act, wanted=_wanted(act, checks, fields))
    row.checks.add(*checks.found)
    return row


def _check_contacts(checks: Checks, rows: Sequence[SaveCustomerRow]) -> None:
    if sum(len(row.contacts or ()) for row in rows) > MAX_CONTACTS_OF_CALL:
        message = f"Together, the rows may have at most {MAX_CONTACTS_OF_CALL} contacts."
        checks.refuse(RefusalCode.TOO_MANY_ITEMS, message, ROWS, limit=MAX_CONTACTS_OF_CALL)


_ROWS = RowKind(
    _row, save_customers, SaveCustomersResult, {"customer": Customer}, check=_check_contacts
)


async def _advisories_on_one(info: Info, changed: Mapping[str, Any]) -> dict[str, Any]:
    return (await _advisories(info, [changed]))[0]


async def _advisories(
    info: Info, changed: Sequence[Mapping[str, Any]], path: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Return the advisories on changed customers in their current classes, if they are selected.

    `path` leads from the current field to the objects with the field `advisories`.
    """
    if not selects_at(info, (*path, ADVISORIES)):
        return [{} for _ in changed]
    # A customer whose save was refused is shown too, but without advisories.
    ids = [one["customer"] for one in changed if not one.get(ERRORS)]
    rows = await models.Customer.filter(id__in=[one for one in ids if one], erased_at=None)
    classes = await models.CustomerClass.filter(id__in={row.customer_class_id for row in rows})
    class_of = {one.id: one for one in classes}
    advised = [_advised(row, class_of[row.customer_class_id]) for row in rows]
    others = (*path, ADVISORIES, OTHER_CUSTOMERS)
    reader = row_query_for(info, Customer, others) if selects_at(info, others) else None
    found = await advisories_on(info, advised, reader) if advised else []
    by_id = {one.id: advisories for one, advisories in zip(advised, found, strict=True)}
    return [
        {ADVISORIES: by_id[one["customer"]]} if one["customer"] in by_id else {} for one in changed
    ]


def _advised(row: models.Customer, customer_class: models.CustomerClass) -> AdvisedCustomer:
    return AdvisedCustomer(
        id=row.id,
        name=row.name,
        company_number=row.company_number,
        profile=row.profile,
        consent_review_due_at=row.consent_review_due_at,
        class_code=customer_class.code,
        is_checked=customer_class.check_companies_house,
        is_individual=customer_class.flags.is_legal_individual,
    )
