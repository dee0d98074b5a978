"""The lower bound: Strawberry and Tortoise as in their guides, a dataloader per relation."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from tortoise.transactions import in_transaction

import models
from models.rules.account_number import new_account_number
from models.storage.database import Database

Info = strawberry.Info[dict[str, Any], None]


async def load_classes(ids: list[str]) -> list[models.CustomerClass]:
    """Return classes by id, in the order of the ids."""
    found = await models.CustomerClass.in_bulk(ids, "id")
    return [found[row_id] for row_id in ids]


async def load_history(ids: list[str]) -> list[list[models.ClassChange]]:
    """Return the class histories of customers, in the order of the ids."""
    groups: dict[str, list[models.ClassChange]] = {row_id: [] for row_id in ids}
    for row in await models.ClassChange.filter(customer_id__in=ids).order_by("changed_at", "id"):
        groups[row.customer_id].append(row)
    return [groups[row_id] for row_id in ids]


@strawberry.type
class ClassChange:
    id: strawberry.ID
    reason: str
    changed_by: str
    changed_at: datetime


@strawberry.type
class CustomerClass:
    id: strawberry.ID
    name: str
    code: str | None

    @classmethod
    def of(cls, row: models.CustomerClass) -> "CustomerClass":
        return cls(id=strawberry.ID(row.id), name=row.name, code=row.code)

    @strawberry.field
    async def customers(self, first: int = 50) -> "CustomerConnection":
        return CustomerConnection(class_ids=[self.id], size=first)


@strawberry.type
class Customer:
    id: strawberry.ID
    account_number: str
    external_reference: str | None
    name: str
    company_number: str | None
    created_at: datetime
    last_modified_at: datetime
    version: int
    class_id: strawberry.Private[str]

    @classmethod
    def of(cls, row: models.Customer) -> "Customer":
        return cls(
            id=strawberry.ID(row.id),
            account_number=row.account_number,
            external_reference=row.external_reference,
            name=row.name,
            company_number=row.company_number,
            created_at=row.created_at,
            last_modified_at=row.last_modified_at,
            version=row.version,
            class_id=row.customer_class_id,
        )

    @strawberry.field
    async def customer_class(self, info: Info) -> CustomerClass:
        return CustomerClass.of(await info.context["classes"].load(self.class_id))

    @strawberry.field
    async def class_history(self, info: Info) -> list[ClassChange]:
        return [
            ClassChange(
                id=strawberry.ID(row.id),
                reason=row.reason,
                changed_by=row.changed_by,
                changed_at=row.changed_at,
            )
            for row in await info.context["history"].load(self.id)
        ]


@strawberry.type
class CustomerConnection:
    class_ids: strawberry.Private[list[strawberry.ID] | None]
    size: strawberry.Private[int]

    def _query(self) -> Any:
        query = models.Customer.filter(erased_at__isnull=True)
        return (
            query if self.class_ids is None else query.filter(customer_class_id__in=self.class_ids)
        )

    @strawberry.field
    async def nodes(self) -> list[Customer]:
        rows = await self._query().order_by("name_key", "id").limit(self.size)
        return [Customer.of(row) for row in rows]

    @strawberry.field
    async def total_count(self) -> int:
        count: int = await self._query().count()
        return count


@strawberry.type
class CustomerClassConnection:
    nodes: list[CustomerClass]


@strawberry.enum
class CustomerSort(Enum):
    NAME_ASC = "NAME_ASC"


@strawberry.input
class CustomerFilter:
    class_ids: list[strawberry.ID] | None = None


@strawberry.input
class SaveCustomerInput:
    name: str
    class_id: strawberry.ID
    company_number: str | None = None


@strawberry.type
class UserError:
    code: str


@strawberry.type
class SaveCustomerPayload:
    customer: Customer | None
    user_errors: list[UserError]


@strawberry.type
class Query:
    @strawberry.field
    async def customer(self, id: strawberry.ID) -> Customer | None:
        row = await models.Customer.get_or_none(id=id, erased_at__isnull=True)
        return None if row is None else Customer.of(row)

    @strawberry.field
    async def customers(
        self,
        first: int = 50,
        filter: CustomerFilter | None = None,
        sort: CustomerSort = CustomerSort.NAME_ASC,  # noqa: ARG002  # the only one
    ) -> CustomerConnection:
        return CustomerConnection(class_ids=filter.class_ids if filter else None, size=first)

    @strawberry.field
    async def customer_classes(self, first: int = 50) -> CustomerClassConnection:
        rows = models.CustomerClass.filter(retired_at__isnull=True)
        ordered = await rows.order_by("display_position", "name_key", "id").limit(first)
        return CustomerClassConnection(nodes=[CustomerClass.of(row) for row in ordered])


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def save_customer(self, input: SaveCustomerInput) -> SaveCustomerPayload:
        now, number = datetime.now().astimezone(), new_account_number()
        async with in_transaction():
            row = await models.Customer.create(
                account_number=number,
                account_number_key=number.casefold(),
                name=input.name,
                name_key=input.name.casefold(),
                company_number=input.company_number,
                customer_class_id=input.class_id,
                created_at=now,
                last_modified_at=now,
            )
        return SaveCustomerPayload(customer=Customer.of(row), user_errors=[])


class Endpoint(GraphQL[dict[str, Any], None]):
    """Strawberry's view, with new dataloaders for each request."""

    async def get_context(
        self,
        request: Any,  # noqa: ARG002  # the framework's signature
        response: Any,  # noqa: ARG002  # the framework's signature
    ) -> dict[str, Any]:
        return {"classes": DataLoader(load_classes), "history": DataLoader(load_history)}


def create_app() -> Starlette:
    """Return the application."""
    size = int(os.environ.get("DATABASE_POOL_SIZE", "12"))
    database = Database(os.environ["DATABASE_URL"], pool_size=size)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await database.open()
        yield
        await database.close()

    schema = strawberry.Schema(query=Query, mutation=Mutation)
    endpoint = Endpoint(schema, graphql_ide=None)
    return Starlette(routes=[Route("/graphql", endpoint)], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(create_app(), port=int(os.environ["PORT"]), log_level="error", access_log=False)
