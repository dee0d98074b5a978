"""The root field about exports."""

import strawberry

from models.tables.access import Scope
from resolvers import export as export_resolvers
from schema.base.operation import operation
from schema.base.permissions import Requires
from schema.types.export_changes import CreateExportPayload


@strawberry.type
class ExportMutation:
    create_export: CreateExportPayload | None = operation(
        export_resolvers.create_export,
        Requires(
            Scope.CUSTOMERS_READ,
            Scope.CONTACTS_READ,
            Scope.CONSENT_READ,
            Scope.CUSTOMER_CLASSES_READ,
            Scope.ACCESS_READ,
            Scope.AUDIT_READ,
        ),
        "Create a link of a few minutes by which a browser downloads a whole list as a file. A"
        " program downloads it from the same address without a link, with the `Authorization`"
        " header: `GET /exports/customers.csv?filter={…}`, where `customers` may be `contacts`,"
        " `consent-entries`, `customer-classes`, `audit-entries` or `events`, and `csv` may be"
        " `jsonl`. It needs the permissions of the exported list; the contacts and consent entries"
        " of customers need `customers:read` too.",
    )
