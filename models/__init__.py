"""The domain: tables, the state changes that keep its invariants, and the pure rules."""

from models.access import AccessToken
from models.audit import AuditEntry
from models.confirmation import Confirmation, ConfirmationToken
from models.consent_entry import ConsentEntry, ConsentLedger, ConsentPeriod, ConsentTestimony
from models.contact import Contact
from models.contact_state import ContactState
from models.customer import ClassChange, Customer
from models.customer_class import CustomerClass
from models.customer_template import CustomerTemplate, PlatformDefaults
from models.enrichment import EnrichmentRun, Suggestion, UpstreamResponse
from models.event import Event
from models.heartbeat import Heartbeat
from models.job import Job
from models.mail_quota import QuotaUse
from models.numbering import NumberedSpan, Numbering
from models.preference_entry import PreferenceEntry
from models.queue_turn import QueueTurn
from models.rate_limit import RateLimit
from models.user import GroupMembership, User, UserGroup

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
