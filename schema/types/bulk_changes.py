"""Inputs and payloads of the mutations that save many rows in one call."""

import strawberry

from models.rules.row_policy import RowPolicy
from schema.base.mutation_fields import MutationPayload, dry_run
from schema.base.user_error import UserError
from schema.types.advisory import Advisory
from schema.types.consent import ConsentEntry
from schema.types.consent_changes import RecordConsentRow
from schema.types.contact import Contact
from schema.types.contact_changes import SaveContactRow
from schema.types.customer import Customer
from schema.types.customer_changes import SaveCustomerRow
from schema.types.row_policy import RowPolicyEnum

_ROWS = "1 to 200. No row may rely on another of the call: all are saved as if at the same time."
_INDEX = "The index of the row in `rows`, counted from 0."
_STALE = (
    "Null if the row has errors, except after VERSION_CONFLICT: then the {} as stored. Null too if"
    " nothing was saved because other rows have errors."
)
_ERRORS = (
    "The errors of the row; empty if it has none. Each `path` begins with `rows` and the index of"
    " the row. A repeat by an idempotency key tells code and path only."
)
_RESULTS = "One result for each row, in the order of the rows; empty if there are `userErrors`."


def _policy() -> RowPolicy:
    """Declare the input field `rowPolicy`."""
    field: RowPolicy = strawberry.field(
        default=RowPolicy.REFUSE_ALL,
        description="What to do with the rows without errors if other rows have errors; by default,"
        " save nothing, as other mutations do after an error.",
    )
    return field


@strawberry.type(description="The result of a mutation that saves many rows.")
class BulkPayload(MutationPayload):
    saved_count: int = strawberry.field(
        default=0, description="The number of rows that were saved."
    )
    refused_count: int = strawberry.field(
        default=0, description="The number of rows that have errors."
    )


@strawberry.input(description="The customers to save.")
class SaveCustomersInput:
    rows: list[SaveCustomerRow] = strawberry.field(
        description=f"The customers, {_ROWS} Together they may have at most 500 contacts."
    )
    row_policy: RowPolicyEnum = _policy()  # type: ignore[valid-type]  # an enum with another name
    dry_run: bool | None = dry_run()


@strawberry.type(description="What became of one row of `saveCustomers`.")
class SaveCustomersResult:
    index: int = strawberry.field(description=_INDEX)
    customer: Customer | None = strawberry.field(
        default=None, description=f"The saved customer. {_STALE.format('customer')}"
    )
    advisories: list[Advisory] = strawberry.field(
        default_factory=list,
        description="The customer's advisories after the save, such as DUPLICATE_COMPANY_NUMBER;"
        " empty if there are none, or after an error.",
    )
    is_replayed: bool = strawberry.field(
        default=False,
        description="Whether an earlier request with the `idempotencyKey` of the row's `consent`"
        " saved the customer.",
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@strawberry.type(description="The result of saving customers.")
class SaveCustomersPayload(BulkPayload):
    results: list[SaveCustomersResult] = strawberry.field(
        default_factory=list, description=_RESULTS
    )


@strawberry.input(description="The contacts to save.")
class SaveContactsInput:
    rows: list[SaveContactRow] = strawberry.field(description=f"The contacts, {_ROWS}")
    row_policy: RowPolicyEnum = _policy()  # type: ignore[valid-type]  # an enum with another name
    dry_run: bool | None = dry_run()


@strawberry.type(description="What became of one row of `saveContacts`.")
class SaveContactsResult:
    index: int = strawberry.field(description=_INDEX)
    contact: Contact | None = strawberry.field(
        default=None, description=f"The saved contact. {_STALE.format('contact')}"
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@strawberry.type(description="The result of saving contacts.")
class SaveContactsPayload(BulkPayload):
    results: list[SaveContactsResult] = strawberry.field(default_factory=list, description=_RESULTS)


@strawberry.input(description="The consents to record.")
class RecordConsentsInput:
    rows: list[RecordConsentRow] = strawberry.field(
        description=f"The consents, {_ROWS} A customer may have one row only."
    )
    row_policy: RowPolicyEnum = _policy()  # type: ignore[valid-type]  # an enum with another name
    dry_run: bool | None = dry_run()


@strawberry.type(description="What became of one row of `recordConsents`.")
class RecordConsentsResult:
    index: int = strawberry.field(description=_INDEX)
    customer: Customer | None = strawberry.field(
        default=None, description=f"The customer after the change. {_STALE.format('customer')}"
    )
    entry: ConsentEntry | None = strawberry.field(
        default=None,
        description="The consent ledger entry that the row, or the earlier request that it repeats,"
        " added; null after an error.",
    )
    is_replayed: bool = strawberry.field(
        default=False,
        description="Whether an earlier request with the row's `idempotencyKey` added the entry.",
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@strawberry.type(description="The result of recording consents.")
class RecordConsentsPayload(BulkPayload):
    results: list[RecordConsentsResult] = strawberry.field(
        default_factory=list, description=_RESULTS
    )
