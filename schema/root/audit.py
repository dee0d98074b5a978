"""Root fields about the audit trail."""

import strawberry

from models.tables.access import Scope
from resolvers import audit as audit_resolvers
from schema.base.operation import operation
from schema.base.permissions import Requires
from schema.types.audit_changes import EraseActorNamesPayload
from schema.types.audit_connection import AuditEntryConnection


@strawberry.type
class AuditQuery:
    audit_trail: AuditEntryConnection | None = operation(
        audit_resolvers.audit_trail,
        Requires(Scope.AUDIT_READ),
        "The audit trail: all changes that were made, newest first, in the order in which they were"
        " committed. This order can differ slightly from the order of the field `at`.",
    )


@strawberry.type
class AuditMutation:
    erase_actor_names: EraseActorNamesPayload | None = operation(
        audit_resolvers.erase_actor_names,
        Requires(Scope.AUDIT_ERASE),
        "Erase the name of a user or an access token from the audit trail. For a user, who must be"
        " disabled, the stored name and email address are erased too.",
    )
