"""The mutations of contacts."""

import strawberry

import models
from models.changes import contact_editing, contact_erasure
from models.changes.confirmation_answer import withdraw_preference
from models.changes.confirmation_request import request_preference, request_verification
from models.tables.audit import ActorContext
from resolvers.run_mutation import Input, given, refuse_version_of_nothing, run_mutation
from schema.base.context import Info
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
    WithdrawAttachmentPreferenceInput,
    WithdrawAttachmentPreferencePayload,
)


async def save_contact(info: Info, input: Input[SaveContactInput]) -> SaveContactPayload:
    values = given(input, *contact_editing.CONTACT_FIELDS)
    contact_id = input.id

    async def work(act: ActorContext) -> models.Contact:
        if contact_id is None:
            refuse_version_of_nothing(input.expected_version)
            return await contact_editing.create_contact(act, input.customer_id, values)
        return await contact_editing.edit_contact(
            act, contact_id, input.customer_id, values, input.expected_version
        )

    return await run_mutation(info, input, work, SaveContactPayload, shows=Contact)


async def delete_contact(info: Info, input: Input[DeleteContactInput]) -> DeleteContactPayload:
    async def work(act: ActorContext) -> DeleteContactPayload:
        row = await contact_editing.delete_contact(act, input.id, input.expected_version)
        return DeleteContactPayload(deleted_id=strawberry.ID(row.id))

    return await run_mutation(info, input, work, DeleteContactPayload, shows=Contact)


async def erase_contact(info: Info, input: Input[EraseContactInput]) -> EraseContactPayload:
    async def work(act: ActorContext) -> EraseContactPayload:
        row = await contact_erasure.erase_contact(act, input.id, input.expected_version)
        return EraseContactPayload(erased_id=strawberry.ID(row.id))

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
