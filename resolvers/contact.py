"""The list and the mutations of contacts."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

import models
from models.changes import contact_editing, contact_erasure
from models.changes.bulk_contacts import ContactRow, save_contacts
from models.changes.confirmation_answer import withdraw_preference
from models.changes.confirmation_request import request_preference, request_verification
from models.changes.contact_draft import ContactToSave
from models.changes.own_reference import contact_to_update
from models.lists.contact_list import ContactOrder
from models.lists.customer_list import MAX_COUNT
from models.rules.errors import RefusalCode
from models.tables.audit import ActorContext
from resolvers.bulk import RowKind, run_bulk
from resolvers.listing import listed_rows_as
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, created, given, run_mutation
from schema.base.context import Info
from schema.base.pagination import After, Before, First, Last
from schema.types.bulk_changes import (
    SaveContactsInput,
    SaveContactsPayload,
    SaveContactsResult,
)
from schema.types.contact import Contact
from schema.types.contact_changes import (
    DeleteContactInput,
    DeleteContactPayload,
    EraseContactInput,
    EraseContactPayload,
    RequestAttachmentPreferenceInput,
    RequestAttachmentPreferencePayload,
    RequestEmailVerificationInput,
    RequestEmailVerificationPayload,
    SaveContactInput,
    SaveContactPayload,
    SaveContactRow,
    WithdrawAttachmentPreferenceInput,
    WithdrawAttachmentPreferencePayload,
)
from schema.types.contact_connection import (
    ContactConnection,
    ContactFilter,
    ContactSort,
    matching_contacts,
)
from schema.types.on_conflict import OnConflict


async def contacts(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        ContactFilter | None,
        strawberry.argument(
            description="Conditions on the contacts to list. Null lists all contacts that you may"
            " see."
        ),
    ] = None,
    sort: Annotated[
        ContactSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default oldest first."),
    ] = ContactOrder.CREATED_AT_ASC,
) -> ContactConnection:
    wanted = matching_contacts(info, filter)
    return await listed_rows_as(
        info,
        ContactConnection,
        Contact,
        sort or ContactOrder.CREATED_AT_ASC,
        (await wanted.for_planning()).condition(),
        most=MAX_COUNT + 1,
        first=first,
        after=after,
        last=last,
        before=before,
    )


async def save_contact(info: Info, input: Input[SaveContactInput]) -> SaveContactPayload:
    values = given(input, *contact_editing.CONTACT_FIELDS)
    customer = (input.customer_id, input.customer_external_reference)

    async def work(act: ActorContext) -> models.Contact:
        contact_id = await _contact_to_edit(act, input, values)
        if contact_id is None:
            contact = contact_editing.create_contact(act, customer[0], values, customer[1])
            return await created(act, input.expected_version, contact)
        return await contact_editing.edit_contact(
            act, contact_id, customer[0], values, input.expected_version, customer[1]
        )

    return await run_mutation(info, input, work, SaveContactPayload, shows=Contact)


async def save_many_contacts(info: Info, input: Input[SaveContactsInput]) -> SaveContactsPayload:
    return await run_bulk(info, input, _ROWS, SaveContactsPayload)


def _row(index: int, act: ActorContext, fields: SaveContactRow) -> ContactRow:
    wanted = ContactToSave(
        given(fields, *contact_editing.CONTACT_FIELDS),
        fields.on_conflict is OnConflict.UPDATE,
        fields.id,
        fields.expected_version,
        fields.customer_id,
        fields.customer_external_reference,
    )
    return ContactRow(index, act, wanted=wanted)


_ROWS = RowKind(_row, save_contacts, SaveContactsResult, {"contact": Contact})


async def _contact_to_edit(
    act: ActorContext, input_: SaveContactInput, values: Mapping[str, Any]
) -> str | None:
    """Return the id of the contact that the input names, by id or by reference; None if new."""
    if input_.on_conflict is not OnConflict.UPDATE:
        return input_.id
    checks = act.checks()
    if input_.id is not None:
        checks.refuse(
            RefusalCode.NOT_APPLICABLE,
            "`onConflict: UPDATE` finds the contact by `externalReference`. Leave it or `id` out.",
            "onConflict",
        )
    named = (input_.customer_id, input_.customer_external_reference)
    return await checks.conclude(contact_to_update(checks, values, *named))


async def delete_contact(info: Info, input: Input[DeleteContactInput]) -> DeleteContactPayload:
    async def work(act: ActorContext) -> Outcome:
        row = await contact_editing.delete_contact(act, input.id, input.expected_version)
        return outcome(deleted_id=row.id)

    return await run_mutation(info, input, work, DeleteContactPayload, shows=Contact)


async def erase_contact(info: Info, input: Input[EraseContactInput]) -> EraseContactPayload:
    async def work(act: ActorContext) -> Outcome:
        row = await contact_erasure.erase_contact(act, input.id, input.expected_version)
        return outcome(erased_id=row.id)

    return await run_mutation(info, input, work, EraseContactPayload, shows=Contact)


async def request_email_verification(
    info: Info, input: Input[RequestEmailVerificationInput]
) -> RequestEmailVerificationPayload:
    async def work(act: ActorContext) -> models.Contact:
        return await request_verification(
            act, input.contact_id, input.expected_version, info.context.mail_quota
        )

    return await run_mutation(info, input, work, RequestEmailVerificationPayload, shows=Contact)


async def request_attachment_preference(
    info: Info, input: Input[RequestAttachmentPreferenceInput]
) -> RequestAttachmentPreferencePayload:
    async def work(act: ActorContext) -> models.Contact:
        return await request_preference(
            act,
            input.contact_id,
            input.documents,
            input.expected_version,
            info.context.mail_quota,
        )

    return await run_mutation(info, input, work, RequestAttachmentPreferencePayload, shows=Contact)


async def withdraw_attachment_preference(
    info: Info, input: Input[WithdrawAttachmentPreferenceInput]
) -> WithdrawAttachmentPreferencePayload:
    async def work(act: ActorContext) -> models.Contact:
        return await withdraw_preference(
            act, input.contact_id, input.reason, input.expected_version
        )

    return await run_mutation(info, input, work, WithdrawAttachmentPreferencePayload, shows=Contact)
