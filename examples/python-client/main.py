"""Saves a customer, follows its enrichment and lists customers, by the generated client.

    API=http://127.0.0.1:8000 TOKEN=… ./run

The token needs the permission customers:write.
"""

import asyncio
import os
import sys
from uuid import uuid4

from customer_classes import (
    Client,
    CustomerEnrichedCustomerEnriched,
    EnrichedCustomer,
    EnrichmentStatus,
    GraphQLClientGraphQLMultiError,
    GraphQLClientHttpError,
    SaveCustomerInput,
    SaveCustomerSaveCustomer,
)

UNDER_WAY = {EnrichmentStatus.PENDING, EnrichmentStatus.RUNNING, EnrichmentStatus.RETRYING}
WAIT_S = 60
PAGE = 50


def client_of(api: str, token: str) -> Client:
    authorization = {"Authorization": f"Bearer {token}"}
    return Client(
        url=f"{api}/graphql",
        headers=authorization,
        ws_url=f"{api.replace('http', 'ws', 1)}/graphql",
        ws_connection_init_payload=dict(authorization),
    )


async def save(client: Client, given: SaveCustomerInput, key: str) -> SaveCustomerSaveCustomer:
    """Save a customer; after a lost connection, call this again with the same key."""
    saved = (await client.save_customer(given, key)).save_customer
    if saved is None:
        sys.exit("The token may not save customers.")
    return saved


def print_user_errors(saved: SaveCustomerSaveCustomer) -> None:
    """Print what a user can correct, each with the path of its field in the input."""
    for error in saved.user_errors:
        print(f"{'.'.join(error.path or [])}: {error.message} ({error.code.value})")


async def follow(client: Client, saved: SaveCustomerSaveCustomer) -> EnrichedCustomer:
    """Wait until the lookup at Companies House has ended: by subscription, or else by asking."""
    assert saved.customer is not None
    customer_id, since = saved.customer.id, saved.customer.enrichment.requested_at
    try:
        async with asyncio.timeout(WAIT_S):
            # With `since`, a lookup that ended before the subscription began is told too.
            async for event in client.customer_enriched(customer_id, since):
                told: CustomerEnrichedCustomerEnriched | None = event.customer_enriched
                if told is not None and told.enrichment.status not in UNDER_WAY:
                    return told
    except (OSError, TimeoutError) as error:
        print(f"No subscription ({error!r}), so the customer is asked for.")
    while True:
        found = (await client.customer(customer_id)).customer
        assert found is not None
        if found.enrichment.status not in UNDER_WAY:
            return found
        await asyncio.sleep(1)


async def count_customers(client: Client) -> int:
    """Read all customers, page by page."""
    count, after = 0, None
    while True:
        page = (await client.customers(PAGE, after)).customers
        if page is None:
            return count
        count += len(page.nodes)
        if not page.page_info.has_next_page:
            return count
        after = page.page_info.end_cursor


async def main(api: str, token: str) -> None:
    async with client_of(api, token) as client:
        viewer = (await client.viewer()).viewer
        print(f"Signed in as {viewer.name if viewer else 'nobody'}")

        wrong = SaveCustomerInput(
            name="", company_number="no number", class_code="COMPANY_UK_LIMITED"
        )
        print_user_errors(await save(client, wrong, str(uuid4())))

        given = SaveCustomerInput(
            name="Sandbox Beta Limited", company_number="90000001", class_code="COMPANY_UK_LIMITED"
        )
        key = str(uuid4())
        saved = await save(client, given, key)
        again = await save(client, given, key)
        print_user_errors(saved)
        assert saved.customer is not None
        assert again.customer is not None
        print(f"Saved once: {again.is_replayed and again.customer.id == saved.customer.id}")

        customer = await follow(client, saved)
        employees = customer.profile.employees
        print(f"Enriched: {customer.enrichment.status.value}")
        print(f"Employees: {employees.value if employees else 'unknown'}")
        print(f"Customers: {await count_customers(client)}")


if __name__ == "__main__":
    try:
        asyncio.run(main(os.environ["API"].rstrip("/"), os.environ["TOKEN"]))
    except GraphQLClientHttpError as refused:
        sys.exit(f"Refused with the status {refused.status_code}: {refused.response.text}")
    except GraphQLClientGraphQLMultiError as refused:
        sys.exit(f"Refused: {refused}")
