"""The domain: tables, changes that keep the data consistent, and rules. Exports all models."""

from models.jobs.event import Event
from models.jobs.heartbeat import Heartbeat
from models.jobs.job import Job
from models.jobs.queue_turn import QueueTurn
from models.tables.access import AccessToken
from models.tables.audit import AuditEntry
from models.tables.confirmation import Confirmation, ConfirmationToken
from models.tables.consent_entry import ConsentEntry, ConsentLedger, ConsentPeriod, ConsentTestimony
from models.tables.contact import Contact
from models.tables.contact_state import ContactState
from models.tables.customer import ClassChange, Customer
from models.tables.customer_class import CustomerClass
from models.tables.customer_template import CustomerTemplate, PlatformDefaults
from models.tables.enrichment import EnrichmentRun, Suggestion, UpstreamResponse
from models.tables.mail_quota import QuotaUse
from models.tables.numbering import NumberedSpan, Numbering
from models.tables.preference_entry import PreferenceEntry
from models.tables.rate_limit import RateLimit
from models.tables.user import GroupMembership, User, UserGroup

__all__ = [
    "AccessToken",
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
    "CustomerTemplate",
    "EnrichmentRun",
    "Event",
    "GroupMembership",
    "Heartbeat",
    "Job",
    "NumberedSpan",
    "Numbering",
    "PlatformDefaults",
    "PreferenceEntry",
    "QueueTurn",
    "QuotaUse",
    "RateLimit",
    "Suggestion",
    "UpstreamResponse",
    "User",
    "UserGroup",
]
