"""What the root fields on contacts do."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import strawberry

import models
from models.changes import contact_editing
from models.changes.confirmation_answer import withdraw_preference
from models.changes.confirmation_request import request_preference, request_verification
from models.changes.contact_erasure import erase_contact as erase
from models.tables.audit import ActorContext
from resolvers.run_mutation import Input, given, refuse_version_of_nothing, run_mutation
from schema.base.context import Info
from schema.base.projections import read_by_id
from schema.base.user_error import UserError
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

Payload = TypeVar("Payload")


async def save_contact(
    info: Info,
    input: Annotated[SaveContactInput, strawberry.argument(description="What to save.")],  # noqa: A002  # the contract's name
) -> SaveContactPayload:
    """Create or edit a contact."""
    values = given(input, *contact_editing.CONTACT_FIELDS)
    contact_id = input.id

    async def work(act: ActorContext) -> models.Contact:
        if contact_id is None:
            refuse_version_of_nothing(input.expected_version)
            return await contact_editing.create_contact(act, input.customer_id, values)
        return await contact_editing.edit_contact(
            act, contact_id, input.customer_id, values, input.expected_version
        )

    return await _perform(info, input, work, SaveContactPayload)


async def delete_contact(
    info: Info,
    input: Annotated[DeleteContactInput, strawberry.argument(description="What to delete.")],  # noqa: A002  # the contract's name
) -> DeleteContactPayload:
    """Take a contact off its customer."""

    async def succeed(row: models.Contact) -> DeleteContactPayload:
        return DeleteContactPayload(deleted_id=strawberry.ID(row.id))

    async def refuse(
        user_errors: list[UserError], current: models.Contact | None
    ) -> DeleteContactPayload:
        return DeleteContactPayload(contact=await _shown(info, current), user_errors=user_errors)

    return await run_mutation(
        info,
        input,
        lambda act: contact_editing.delete_contact(act, input.id, input.expected_version),
        succeed,
        refuse,
    )


async def erase_contact(
    info: Info,
    input: Annotated[EraseContactInput, strawberry.argument(description="What to erase.")],  # noqa: A002  # the contract's name
) -> EraseContactPayload:
    """Erase the personal data of a contact."""

    async def succeed(row: models.Contact) -> EraseContactPayload:
        return EraseContactPayload(erased_id=strawberry.ID(row.id))

    async def refuse(
        user_errors: list[UserError], current: models.Contact | None
    ) -> EraseContactPayload:
        is_shown = current is not None and current.deleted_at is None
        shown = await _shown(info, current if is_shown else None)
        return EraseContactPayload(contact=shown, user_errors=user_errors)

    return await run_mutation(
        info,
        input,
        lambda act: erase(act, input.id, input.expected_version),
        succeed,
        refuse,
    )


async def request_email_verification(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        RequestEmailVerificationInput, strawberry.argument(description="Whom to ask.")
    ],
) -> RequestEmailVerificationPayload:
    """Ask by mail whether an address is the contact's."""
    return await _perform(
        info,
        input,
        lambda act: request_verification(
            act, input.contact_id, input.expected_version, info.context.mail_quota
        ),
        RequestEmailVerificationPayload,
    )


async def request_attachment_preference(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        RequestAttachmentPreferenceInput, strawberry.argument(description="Whom to ask for what.")
    ],
) -> RequestAttachmentPreferencePayload:
    """Ask by mail whether the contact wants documents in full."""
    return await _perform(
        info,
        input,
        lambda act: request_preference(
            act,
            input.contact_id,
            input.documents,
            input.expected_version,
            info.context.mail_quota,
        ),
        RequestAttachmentPreferencePayload,
    )


async def withdraw_attachment_preference(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        WithdrawAttachmentPreferenceInput, strawberry.argument(description="What to withdraw.")
    ],
) -> WithdrawAttachmentPreferencePayload:
    """Withdraw a contact's preference on behalf of staff."""
    return await _perform(
        info,
        input,
        lambda act: withdraw_preference(
            act, input.contact_id, input.reason, input.expected_version
        ),
        WithdrawAttachmentPreferencePayload,
    )


async def _perform(
    info: Info,
    input_: Input,
    work: Callable[[ActorContext], Awaitable[models.Contact]],
    payload: Callable[..., Payload],
) -> Payload:
    """Do the work and give a payload that shows the contact."""

    async def succeed(row: models.Contact) -> Payload:
        return payload(contact=await _shown(info, row))

    async def refuse(user_errors: list[UserError], current: models.Contact | None) -> Payload:
        return payload(contact=await _shown(info, current), user_errors=user_errors)

    return await run_mutation(info, input_, work, succeed, refuse)


async def _shown(info: Info, row: models.Contact | None) -> Contact | None:
    return None if row is None else await read_by_id(info, Contact, row.id, "contact")
