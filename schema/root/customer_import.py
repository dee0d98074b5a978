"""Root fields of imports from files."""

from collections.abc import AsyncGenerator

import strawberry

from models.tables.access import Scope
from resolvers import customer_import as import_resolvers
from schema.base.connection import CountedConnection
from schema.base.operation import operation, subscription
from schema.base.permissions import Requires
from schema.types.customer_import import CancelImportPayload, ImportJob

WRITES_CUSTOMERS = Requires(Scope.CUSTOMERS_WRITE)


@strawberry.type
class ImportQuery:
    import_job: ImportJob | None = operation(
        import_resolvers.import_job,
        WRITES_CUSTOMERS,
        "One import from a file by its id; null if there is none that you may see. Files are sent"
        " to `POST /imports`.",
    )
    imports: CountedConnection[ImportJob] | None = operation(
        import_resolvers.imports,
        WRITES_CUSTOMERS,
        "Imports from files. A partner (a caller bound to a reseller) sees those of its own"
        " reseller.",
    )


@strawberry.type
class ImportMutation:
    cancel_import: CancelImportPayload | None = operation(
        import_resolvers.cancel_import,
        WRITES_CUSTOMERS,
        "Stop an import. Rows that were stored stay, the others are not stored. An import that has"
        " ended stays as it is.",
    )


@strawberry.type
class ImportSubscription:
    import_progressed: AsyncGenerator[ImportJob | None, None] = subscription(
        import_resolvers.import_progressed,
        WRITES_CUSTOMERS,
        "The import, now and each time that it has moved on, until it ends.",
    )
