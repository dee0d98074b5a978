"""The business domain: database tables, write operations that keep them consistent, and rules.

Exports the Tortoise model of every table.
"""

from models.jobs.event_consumers import EventConsumer
from models.jobs.heartbeat import Heartbeat
from models.jobs.job import Job
from models.jobs.job_pause import JobPause
from models.jobs.queue_turn import QueueTurn
from models.tables.access import AccessToken
from models.tables.api_usage import ApiUsage
from models.tables.audit import AuditEntry
from models.tables.confirmation import Confirmation, ConfirmationToken
from models.tables.consent_entry import ConsentEntry, ConsentLedger, ConsentPeriod, ConsentTestimony
from models.tables.contact import Contact
from models.tables.contact_state import ContactState
from models.tables.customer import ClassChange, Customer
from models.tables.customer_class import CustomerClass
from models.tables.customer_import import (
    CustomerImport,
    ImportFailedRow,
    ImportFault,
    ImportPart,
)
from models.tables.customer_template import CustomerTemplate, PlatformDefaults
from models.tables.delivery_check import DeliveryCheck
from models.tables.deprecated_use import DeprecatedUse
from models.tables.enrichment import EnrichmentRun, ProfileChange, Suggestion, UpstreamResponse
from models.tables.event import Event
from models.tables.event_feed import EventGeneration
from models.tables.idempotency import IdempotentRequest
from models.tables.mail_quota import QuotaUse
from models.tables.numbering import NumberedSpan, Numbering
from models.tables.preference_entry import PreferenceEntry
from models.tables.rate_limit import RateLimit
from models.tables.user import GroupMembership, User, UserGroup
from models.tables.webhook import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookLane

__all__ = [
    "AccessToken",
    "ApiUsage",
    "AuditEntry",
    "ClassChange",
    "Confirmation",
    "ConfirmationToken",
    "ConsentEntry",
    "ConsentLedger",
    "ConsentPeriod",
    "ConsentTestimony",
    "Contact",
    "ContactState",
    "Customer",
    "CustomerClass",
    "CustomerImport",
    "CustomerTemplate",
    "DeliveryCheck",
    "DeprecatedUse",
    "EnrichmentRun",
    "Event",
    "EventConsumer",
    "EventGeneration",
    "GroupMembership",
    "Heartbeat",
    "IdempotentRequest",
    "ImportFailedRow",
    "ImportFault",
    "ImportPart",
    "Job",
    "JobPause",
    "NumberedSpan",
    "Numbering",
    "PlatformDefaults",
    "PreferenceEntry",
    "ProfileChange",
    "QueueTurn",
    "QuotaUse",
    "RateLimit",
    "Suggestion",
    "UpstreamResponse",
    "User",
    "UserGroup",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookLane",
]
