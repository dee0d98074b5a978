"""Tables of lookups at Companies House: runs, upstream responses, and suggestions."""

from enum import StrEnum, unique
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, EnrichmentTrigger
from models.storage.id_field import IdField
from models.storage.identifiers import (
    ID_LENGTH,
    new_profile_change_id,
    new_run_id,
    new_suggestion_id,
)
from models.tables.customer import Customer


class EnrichmentRun(Model):
    """A lookup of a customer, from the request to its end (R87)."""

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_run_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, on_delete=fields.RESTRICT
    )
    customer_id: str
    company_number = fields.CharField(max_length=8, null=True)
    trigger = fields.CharEnumField(EnrichmentTrigger, max_length=24)
    status = fields.CharEnumField(EnrichmentStatus, max_length=24)
    reason: EnrichmentReason | None = fields.CharEnumField(  # type: ignore[assignment]  # null=True
        EnrichmentReason, max_length=32, null=True
    )
    attempts = fields.IntField(default=0)
    requested_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)
    next_attempt_at = fields.DatetimeField(null=True)
    source = fields.CharField(max_length=8, null=True)
    fields_read: list[dict[str, Any]] = fields.JSONField(default=list)

    class Meta:
        table = "enrichment_run"
        indexes = (
            Index(fields=("customer_id", "id")),
            Index(fields=("status",)),
            Index(fields=("finished_at", "status")),
        )


class UpstreamResponse(Model):
    """A response of Companies House to a step of a run, kept so that a retry need not ask again.

    The responses are deleted when their run ends.
    """

    id = fields.BigIntField(primary_key=True)
    run: fields.ForeignKeyRelation[EnrichmentRun] = fields.ForeignKeyField(
        "models.EnrichmentRun", related_name=False, on_delete=fields.CASCADE
    )
    run_id: str
    step = fields.CharField(max_length=40)
    body = fields.BinaryField()
    retrieved_at = fields.DatetimeField()

    class Meta:
        table = "upstream_response"
        unique_together = (("run", "step"),)


@unique
class SuggestionStatus(StrEnum):
    """Whether a suggestion is open, was accepted or rejected by a user, or was withdrawn."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


class Suggestion(Model):
    """A value of Companies House that differs from the value that a user entered (R86)."""

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_suggestion_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, on_delete=fields.RESTRICT
    )
    customer_id: str
    field = fields.CharField(max_length=40)
    entry: dict[str, Any] = fields.JSONField()
    status = fields.CharEnumField(SuggestionStatus, max_length=12)
    created_at = fields.DatetimeField()
    settled_at = fields.DatetimeField(null=True)
    settled_by = fields.CharField(max_length=200, null=True)

    class Meta:
        table = "suggestion"
        indexes = (Index(fields=("customer_id", "status")),)


class ProfileChange(Model):
    """A register value of a customer's company profile that a later lookup found changed."""

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_profile_change_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, on_delete=fields.RESTRICT
    )
    customer_id: str
    field = fields.CharField(max_length=40)
    before = fields.TextField(null=True)
    after = fields.TextField(null=True)
    source = fields.CharField(max_length=8)
    filing_id = fields.TextField(null=True)
    run_id = IdField(max_length=ID_LENGTH)
    changed_at = fields.DatetimeField()

    class Meta:
        table = "profile_change"
        indexes = (Index(fields=("customer_id", "id")),)


async def erase_runs(customer_id: str) -> None:
    """Erase the company number in a customer's runs, and delete the runs' upstream responses."""
    runs = EnrichmentRun.filter(customer_id=customer_id)
    run_ids = [str(run_id) for run_id in await runs.values_list("id", flat=True)]
    await UpstreamResponse.filter(run_id__in=run_ids).delete()
    await runs.update(company_number=None)
