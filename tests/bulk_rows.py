"""Rows for the mutations that save many rows, and what such a mutation returns."""

from typing import Any

from tests.graphql_client import Api, Json

RESULTS: dict[str, str] = {
    "saveCustomers": "customer { id name version externalReference }",
    "saveContacts": "contact { id name version externalReference }",
    "recordConsents": "customer { id version } entry { id sequence } isReplayed",
}
ERRORS = "userErrors { code message path hint retryable limit minimum }"


def customer(number: int, contacts: int = 0, **values: Any) -> Json:
    """Return a row for a new customer, with a reference, and with new contacts."""
    row: Json = {
        "name": f"Acme {number}",
        "classCode": "COMPANY_UK_LIMITED",
        "companyNumber": f"{10_000_000 + number}",
        "externalReference": f"cus-{number}",
        **values,
    }
    if contacts:
        row["contacts"] = [contact(number, place) for place in range(contacts)]
    return row


def contact(number: int, place: int = 0, **values: Any) -> Json:
    """Return an input for a new contact, with a reference."""
    return {
        "name": f"Ann {number}.{place}",
        "email": f"ann.{number}.{place}@acme.example",
        "receivesBills": True,
        "externalReference": f"con-{number}-{place}",
        **values,
    }


async def bulk(
    api: Api, mutation: str, rows: list[Json], *, token: str | None = None, **values: Any
) -> Json:
    """Send a mutation of many rows; return its payload, whose results have all fields."""
    select = (
        f"isDryRun isReplayed savedCount refusedCount"
        f" results {{ index {RESULTS[mutation]} {ERRORS} }}"
    )
    return await api.do(mutation, select, token=token, rows=rows, **values)


def told(payload: Json) -> list[tuple[str, list[str]]]:
    """Return code and path of the errors of all rows."""
    assert payload["userErrors"] == []
    return [
        (error["code"], error["path"])
        for result in payload["results"]
        for error in result["userErrors"]
    ]
