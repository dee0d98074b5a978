"""What the root fields on customers do."""

from functools import partial
from typing import Annotated

import strawberry

import models
from models.changes import customer_editing
from models.changes.customer_repeat import Created, create_customer_once
from models.lists.consent_list import given_consents, is_on, with_any_advisory
from models.lists.customer_list import NOT_ERASED, CustomerOrder, count, page
from models.lists.customer_list import CustomerFilter as Wanted
from models.lists.customer_scope import at_account_number
from models.rules import errors
from models.rules.company_number import InvalidCompanyNumber, normalise
from models.rules.consent import Matter
from models.rules.errors import RefusalCode
from models.storage.sql import Sql, all_of
from models.tables.access import Scope
from models.tables.audit import ActorContext
from resolvers.request_content import content_of
from resolvers.run_mutation import given, refuse_version_of_nothing, run_mutation
from resolvers.typed_profile import typed_entries
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.pagination import (
    COUNTS,
    ROWS,
    After,
    Before,
    First,
    Last,
    page_arguments,
)
from schema.base.permissions import require
from schema.base.personal import refuse_masked
from schema.base.projections import page_query, read_by_id, row_query_for
from schema.base.user_error import UserError
from schema.types.advisory import advisories_of
from schema.types.consent_changes import GRANT, values_of
from schema.types.customer import Customer
from schema.types.customer_changes import (
    ChangeCustomerClassInput,
    ChangeCustomerClassPayload,
    DeleteCustomerInput,
    DeleteCustomerPayload,
    SaveCustomerInput,
    SaveCustomerPayload,
)
from schema.types.customer_connection import CustomerConnection
from schema.types.customer_filter import CustomerFilter, CustomerSort

SAVED_FIELDS = (
    "name",
    "class_id",
    "class_code",
    "company_number",
    "account_number",
    "external_reference",
    "parent_id",
)

MAX_CHOICES = 500
MAX_TEXT = 200


async def customer(
    info: Info,
    id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002  # the contract's name
    account_number: Annotated[
        str | None, strawberry.argument(description="Its account number.")
    ] = None,
) -> Customer | None:
    """Give one customer by id or by account number; deleted ones are not found."""
    if (id is None) == (account_number is None):
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "Give id or accountNumber, one of them.")
    which = Sql("t0.id = ?", (id,))
    if account_number is not None:
        which = await at_account_number(account_number)
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
    filter: Annotated[  # noqa: A002  # the contract's name
        CustomerFilter | None, strawberry.argument(description="Which customers.")
    ] = None,
    sort: Annotated[
        CustomerSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(
            description="In which order; by account number instead of by name for whoever may not"
            " see personal data."
        ),
    ] = CustomerOrder.NAME_ASC,
) -> CustomerConnection:
    """List customers (R98); each order has cursors of its own."""
    order: CustomerOrder = sort or CustomerOrder.NAME_ASC
    if info.context.is_masked:
        order = order.without_names
    list_name = f"customers-{order.name}"
    arguments = page_arguments(
        list_name, (str, str), first=first, after=after, last=last, before=before
    )
    wanted = _wanted(info, filter)
    try:
        beyond = None if arguments.beyond is None else order.parse(arguments.beyond)
    except ValueError:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "That cursor is not one of ours.") from None
    reader, selected = page_query(info, Customer, order.column)
    nodes: list[Customer] = []
    has_more = False
    if selected & ROWS:
        nodes, has_more = await page(
            reader, wanted, order, arguments.size, beyond=beyond, is_backward=arguments.is_backward
        )
    return CustomerConnection(
        nodes=nodes,
        key_of=lambda node: (list_name, *order.key_of(getattr(node, order.column), node.id)),
        arguments=arguments,
        has_more=has_more,
        counted=await count(wanted) if selected & COUNTS else None,
    )


async def save_customer(
    info: Info,
    input: Annotated[SaveCustomerInput, strawberry.argument(description="What to save.")],  # noqa: A002  # the contract's name
) -> SaveCustomerPayload:
    """Create or edit a customer; a checked class starts a lookup (R81)."""
    values = given(input, *SAVED_FIELDS)
    customer_id = input.id
    if input.consent:
        require(info, Scope.CONSENT_WRITE)

    async def work(act: ActorContext) -> Created:
        if input.profile:
            values["profile"] = typed_entries(input.profile, act.now)
        if input.profile is None:
            values["profile"] = None
        if customer_id is None:
            refuse_version_of_nothing(input.expected_version)
            return await create_customer_once(
                act,
                values,
                input.template_id,
                values_of(input.consent, GRANT) if input.consent else None,
                input.consent.idempotency_key if input.consent else None,
                partial(content_of, input),
            )
        if input.consent is not strawberry.UNSET:
            raise errors.refuse(
                RefusalCode.CONSENT_NOT_EDITABLE,
                "The consent of an existing customer is recorded, with its paper trail.",
                "consent",
                hint="Use recordConsent or withdrawConsent.",
            )
        if input.template_id is not None:
            raise errors.refuse(
                RefusalCode.INVALID, "A template is for new customers only.", "templateId"
            )
        edited = await customer_editing.edit_customer(
            act, customer_id, values, input.expected_version
        )
        return Created(edited)

    async def succeed(saved: Created) -> SaveCustomerPayload:
        shown = await _shown(info, saved.customer)
        return SaveCustomerPayload(customer=shown, is_repeat=saved.is_repeat)

    async def refuse(
        user_errors: list[UserError], current: models.Customer | None
    ) -> SaveCustomerPayload:
        return SaveCustomerPayload(customer=await _shown(info, current), user_errors=user_errors)

    return await run_mutation(info, input, work, succeed, refuse)


async def change_customer_class(
    info: Info,
    input: Annotated[ChangeCustomerClassInput, strawberry.argument(description="What to move.")],  # noqa: A002  # the contract's name
) -> ChangeCustomerClassPayload:
    """Move a customer to another class, for a reason (R26 to R30)."""

    async def succeed(row: models.Customer) -> ChangeCustomerClassPayload:
        customer_class = await models.CustomerClass.get(id=row.customer_class_id)
        consents = (await given_consents([row.id]))[row.id]
        context = info.context
        return ChangeCustomerClassPayload(
            customer=await _shown(info, row),
            advisories=advisories_of(
                customer_class.code,
                customer_class.check_companies_house,
                customer_class.flags.is_legal_individual,
                consents,
                context.clock(),
                context.oldest_consent,
                name=row.name,
                profile=row.profile,
                consent_review_due_at=row.consent_review_due_at,
                company_number=row.company_number,
                is_masked=context.is_masked,
            ),
        )

    async def refuse(
        user_errors: list[UserError], current: models.Customer | None
    ) -> ChangeCustomerClassPayload:
        return ChangeCustomerClassPayload(
            customer=await _shown(info, current), user_errors=user_errors
        )

    return await run_mutation(
        info,
        input,
        lambda act: customer_editing.change_class(
            act, input.customer_id, input.class_id, input.reason, input.expected_version
        ),
        succeed,
        refuse,
    )


async def delete_customer(
    info: Info,
    input: Annotated[DeleteCustomerInput, strawberry.argument(description="What to delete.")],  # noqa: A002  # the contract's name
) -> DeleteCustomerPayload:
    """Erase what is personal and keep the history (R35)."""

    async def succeed(row: models.Customer) -> DeleteCustomerPayload:
        return DeleteCustomerPayload(deleted_id=strawberry.ID(row.id))

    async def refuse(
        user_errors: list[UserError], current: models.Customer | None
    ) -> DeleteCustomerPayload:
        return DeleteCustomerPayload(customer=await _shown(info, current), user_errors=user_errors)

    return await run_mutation(
        info,
        input,
        lambda act: customer_editing.delete_customer(
            act, input.id, input.reason, input.expected_version
        ),
        succeed,
        refuse,
    )


def _wanted(info: Info, given_filter: CustomerFilter | None) -> Wanted:
    if given_filter is None:
        return Wanted()
    _refuse_oversize(given_filter)
    if given_filter.text is not None:
        refuse_masked(info)
    number = given_filter.company_number
    if number is not None:
        try:
            number = normalise(number)
        except InvalidCompanyNumber as error:
            raise RequestRefused(ErrorCode.BAD_USER_INPUT, str(error)) from error
    return Wanted(
        class_ids=given_filter.class_ids,
        class_codes=given_filter.class_codes,
        labels=given_filter.labels,
        subscriber_kind=given_filter.subscriber_kind,
        enrichment_statuses=given_filter.enrichment_statuses,
        is_reseller=given_filter.is_reseller,
        parent_id=None if given_filter.parent_id is strawberry.UNSET else given_filter.parent_id,
        has_no_parent=given_filter.parent_id is None,
        company_number=number,
        external_reference=given_filter.external_reference,
        text=given_filter.text,
        others=_consent_conditions(info, given_filter),
    )


def _consent_conditions(info: Info, given_filter: CustomerFilter) -> list[Sql]:
    now, wanted = info.context.clock(), []
    if given_filter.is_consent_given is not None:
        wanted.append(is_on(Matter.CONSENT, now, is_wanted=given_filter.is_consent_given))
    if given_filter.is_non_itemised is not None:
        wanted.append(is_on(Matter.NON_ITEMISED, now, is_wanted=given_filter.is_non_itemised))
    if given_filter.advisories is not None:
        oldest = info.context.oldest_consent
        wanted.append(with_any_advisory(given_filter.advisories, now, oldest))
    return wanted


def _refuse_oversize(given_filter: CustomerFilter) -> None:
    lists = (given_filter.class_ids, given_filter.class_codes)
    if any(len(values) > MAX_CHOICES for values in lists if values is not None):
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, f"{MAX_CHOICES} choices at most.")
    if len(given_filter.text or "") > MAX_TEXT:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, f"{MAX_TEXT} characters at most.")


async def _shown(info: Info, row: models.Customer | None) -> Customer | None:
    return None if row is None else await read_by_id(info, Customer, row.id, "customer")
