"""The rows that creating a customer writes, as SQL statements for the `ceiling` servers."""

import itertools
import secrets
from datetime import UTC, datetime
from typing import Any

BARE = ("customer",)
WHOLE = ("customer", "class_change", "enrichment_run", "job", "audit_entry")
"""The tables that the project writes in one transaction for a customer with a lookup."""

STATEMENTS = {
    "customer": """INSERT INTO customer (id, account_number, account_number_key, name, name_key,
      search_key, company_number,
      customer_class_id, profile, enrichment_status, created_at, last_modified_at, version)
      VALUES ($1, $2, $2, $3, $4, $8, $5, $6, '{}', 'PENDING', $7, $7, 1)""",
    "class_change": """INSERT INTO class_change (id, customer_id, to_class_id, reason,
      crosses_individual_line, changed_by_id, changed_by, changed_at)
      VALUES ($1, $2, $3, 'First assignment', false, 'tok_ceiling', 'Ceiling', $4)""",
    "enrichment_run": """INSERT INTO enrichment_run (id, customer_id, company_number, trigger,
      status, attempts, requested_at, fields_read)
      VALUES ($1, $2, $3, 'SAVE', 'PENDING', 0, $4, '[]')""",
    "job": """INSERT INTO job (id, kind, payload, live_key, state, attempts, due_at, created_at)
      VALUES ($1, 'enrich', '{}', $2, 'READY', 0, $3, $3)""",
    "audit_entry": """INSERT INTO audit_entry (id, subject_id, operation, "before", "after",
      is_override, actor_id, actor_name, request_id, at)
      VALUES ($1, $2, 'customer.created', '{}', '{}', false, 'tok_ceiling', 'Ceiling', $3, $4)""",
}

_numbers = itertools.count()
_start = secrets.token_hex(6)


def new_rows(wanted: dict[str, Any], tables: tuple[str, ...]) -> list[tuple[str, list[Any]]]:
    """Return the statements with their values, in the order of writing."""
    key = f"z{_start}{next(_numbers):09d}"
    customer_id, now = f"cus_01{key}", datetime.now(UTC)
    name, number, class_id = wanted["name"], wanted["companyNumber"], wanted["classId"]
    values: dict[str, list[Any]] = {
        "customer": [
            customer_id,
            f"zz-{key}",
            name,
            name.casefold(),
            number,
            class_id,
            now,
            name.casefold(),
        ],
        "class_change": [f"chg_01{key}", customer_id, class_id, now],
        "enrichment_run": [f"run_01{key}", customer_id, number, now],
        "job": [f"job_01{key}", f"enrich:{customer_id}", now],
        "audit_entry": [f"aud_01{key}", customer_id, key, now],
    }
    return [(STATEMENTS[table], values[table]) for table in tables]
