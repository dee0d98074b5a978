"""Limits follow the settings, also over a WebSocket."""

from typing import Any

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Json, connected, running_api, serving
from tests.schema.nested_documents import REFUSED, nested, nested_value


async def test_the_limits_are_what_is_set(databases: Databases, clock: Clock) -> None:
    async with running_api(databases, clock, max_depth=2, max_request_bytes=1000) as api:
        assert await api.data("{ viewer { name } }") == {"viewer": {"name": "Tess Tester"}}
        error = await api.error("{ customers { nodes { id } } }")
        assert error["extensions"] == {"code": "QUERY_TOO_DEEP", "limit": 2, "actual": 3}
        response = await api.post("{ viewer { name } } #" + "x" * 1000)
        assert response.status_code == 413
        assert response.json()["errors"][0]["extensions"] == {
            "code": "REQUEST_TOO_LARGE",
            "limit": 1000,
        }


async def test_operations_of_a_websocket_have_the_same_limits(
    databases: Databases, clock: Clock
) -> None:
    async with (
        running_api(databases, clock) as api,
        serving(api.app) as host,
        connected(host) as socket,
    ):
        await socket.sign_in(api.token)

        async def refused(document: str, **variables: Any) -> Json:
            operation = await socket.subscribe(document, **variables)
            message = await socket.receive()
            assert (message["type"], message["id"]) == ("error", operation)
            (error,) = message["payload"]
            extensions: Json = error["extensions"]
            return extensions

        follow = "subscription { customerEnriched(customerId: %s) { %s } }"
        for document, code, limit, actual in REFUSED:
            said = {"limit": limit} if actual is None else {"limit": limit, "actual": actual}
            assert await refused(document) == {"code": code, **said}
        assert await refused(follow % ('"x"', nested(19))) == {
            "code": "QUERY_TOO_DEEP",
            "limit": 20,
            "actual": 21,
        }
        assert await refused(follow % ('"x"', "id " * 5000)) == {
            "code": "TOO_MANY_TOKENS",
            "limit": 5000,
        }
        query = "subscription($id: ID!) { customerEnriched(customerId: $id) { id } }"
        assert (await refused(query, id=nested_value(13)))["code"] == "VALUE_TOO_DEEP"
        assert (await socket.ask("{ viewer { name } }"))["data"]["viewer"]["name"] == "Tess Tester"
