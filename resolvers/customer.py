"""The queries and mutations of customers."""

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
from resolvers.listing import listed
from resolvers.request_content import content_of
from resolvers.run_mutation import Input, given, refuse_version_of_nothing, run_mutation
from resolvers.typed_profile import typed_entries
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.pagination import After, Before, First, Last, page_arguments
from schema.base.permissions import require
from schema.base.personal import refuse_masked
from schema.base.projections import read_by_id, row_query_for
from schema.types.advisory import Advisory, advisories_of
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
    id: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="The id of the customer. Set either `id` or `accountNumber`."
        ),
    ] = None,
    account_number: Annotated[
        str | None, strawberry.argument(description="The account number of the customer.")
    ] = None,
) -> Customer | None:
    if (id is None) == (account_number is None):
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "Set either `id` or `accountNumber`.")
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
    filter: Annotated[
        CustomerFilter | None,
        strawberry.argument(description="Which customers to list. Null lists all."),
    ] = None,
    sort: Annotated[
        CustomerSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(
            description="The order of the list, by name unless you say otherwise. Without"
            " `personal_data:read` you cannot sort by name: the list is sorted by account number"
            " instead."
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
    wanted = _wanted(info, filter)
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
    if input.consent:
        require(info, Scope.CONSENT_WRITE)

    async def work(act: ActorContext) -> SaveCustomerPayload:
        saved = await _save(act, input)
        return SaveCustomerPayload(
            customer=await read_by_id(info, Customer, saved.customer.id, "customer"),
            is_repeat=saved.is_repeat,
        )

    return await run_mutation(info, input, work, SaveCustomerPayload, shows=Customer)


async def change_customer_class(
    info: Info, input: Input[ChangeCustomerClassInput]
) -> ChangeCustomerClassPayload:
    async def work(act: ActorContext) -> ChangeCustomerClassPayload:
        row = await customer_editing.change_class(
            act, input.customer_id, input.class_id, input.reason, input.expected_version
        )
        return ChangeCustomerClassPayload(
            customer=await read_by_id(info, Customer, row.id, "customer"),
            advisories=await _advisories(info, row),
        )

    return await run_mutation(info, input, work, ChangeCustomerClassPayload, shows=Customer)


async def delete_customer(info: Info, input: Input[DeleteCustomerInput]) -> DeleteCustomerPayload:
    async def work(act: ActorContext) -> DeleteCustomerPayload:
        row = await customer_editing.delete_customer(
            act, input.id, input.reason, input.expected_version
        )
        return DeleteCustomerPayload(deleted_id=strawberry.ID(row.id))

    return await run_mutation(info, input, work, DeleteCustomerPayload, shows=Customer)


async def _save(act: ActorContext, input_: SaveCustomerInput) -> Created:
    """Create a customer if the input has no id, or edit the customer with that id."""
    values = given(input_, *SAVED_FIELDS)
    if input_.profile is not strawberry.UNSET:
        typed = input_.profile
        values["profile"] = None if typed is None else typed_entries(typed, act.now)
    if input_.id is None:
        refuse_version_of_nothing(input_.expected_version)
        return await create_customer_once(
            act,
            values,
            input_.template_id,
            values_of(input_.consent, GRANT) if input_.consent else None,
            input_.consent.idempotency_key if input_.consent else None,
            partial(content_of, input_),
        )
    if input_.consent is not strawberry.UNSET:
        raise errors.refuse(
            RefusalCode.CONSENT_NOT_EDITABLE,
            "You cannot save the consent of an existing customer with the customer.",
            "consent",
            hint="Use recordConsent or withdrawConsent.",
        )
    if input_.template_id is not None:
        raise errors.refuse(
            RefusalCode.INVALID,
            "You cannot apply a template to an existing customer. Leave `templateId` out.",
            "templateId",
        )
    edited = await customer_editing.edit_customer(act, input_.id, values, input_.expected_version)
    return Created(edited)


async def _advisories(info: Info, row: models.Customer) -> list[Advisory]:
    """Return the advisories that apply to a customer in their current class."""
    customer_class = await models.CustomerClass.get(id=row.customer_class_id)
    consents = (await given_consents([row.id]))[row.id]
    return advisories_of(
        customer_class.code,
        customer_class.check_companies_house,
        customer_class.flags.is_legal_individual,
        consents,
        info.context.clock(),
        info.context.oldest_consent,
        name=row.name,
        profile=row.profile,
        consent_review_due_at=row.consent_review_due_at,
        company_number=row.company_number,
        is_masked=info.context.is_masked,
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
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT,
            f"`classIds` and `classCodes` may each have at most {MAX_CHOICES} values.",
        )
    if len(given_filter.text or "") > MAX_TEXT:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT,
            f"The text to search for may have at most {MAX_TEXT} characters.",
        )
