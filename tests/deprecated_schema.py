"""The application with a schema of which some parts are deprecated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import pytest

from schema.engine.served_schema import CustomerClassesSchema
from schema.root import build_schema
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api

REASON = "Use `x`. Removed on 2027-06-01."


@cache
def deprecated_schema() -> CustomerClassesSchema:
    """Build the schema with a deprecated field, argument, input field and enum value."""
    schema = build_schema()
    types: Any = schema.core.type_map
    types["Customer"].fields["invoiceWording"].deprecation_reason = REASON
    types["Query"].fields["customer"].args["externalReference"].deprecation_reason = "Away"
    types["SaveCustomerInput"].fields["classCode"].deprecation_reason = REASON
    types["ClassStatus"].values["RETIRED"].deprecation_reason = REASON
    return schema


@asynccontextmanager
async def running_deprecated_api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Run the application with that schema, as `running_api` does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.graphql_client.the_schema", deprecated_schema)
        async with running_api(databases, clock) as started:
            yield started
