"""The row in a mutation's payload, after a change and after a refusal."""

from typing import Any

from tests.graphql_client import Api


async def test_a_payload_shows_the_row_in_the_field_of_its_type(api: Api) -> None:
    user = (await api.done("saveUser", "user { id version }", name="Ada"))["user"]
    group = (await api.done("saveUserGroup", "userGroup { id version }", name="Staff"))["userGroup"]
    select = "user { id } userGroup { id }"
    shown: list[Any] = [
        await api.do(
            "grantPermissions", select, granteeId=one["id"], permissions=["CUSTOMERS_READ"]
        )
        for one in (user, group)
    ]
    assert shown == [
        {"user": {"id": user["id"]}, "userGroup": None, "userErrors": []},
        {"user": None, "userGroup": {"id": group["id"]}, "userErrors": []},
    ]


async def test_a_refusal_shows_the_row_in_the_field_of_its_type(api: Api) -> None:
    group = (await api.done("saveUserGroup", "userGroup { id version }", name="Staff"))["userGroup"]
    payload = await api.do(
        "grantPermissions",
        "user { id } userGroup { id version }",
        granteeId=group["id"],
        permissions=["CUSTOMERS_READ"],
        expectedVersion=group["version"] + 1,
    )
    assert [error["code"] for error in payload["userErrors"]] == ["VERSION_CONFLICT"]
    assert (payload["user"], payload["userGroup"]) == (None, group)


async def test_a_refusal_does_not_show_a_deleted_row(api: Api) -> None:
    customer = (await api.save_customer("id"))["id"]
    contact = (await api.done("saveContact", "contact { id }", customerId=customer, name="Ann"))[
        "contact"
    ]["id"]
    await api.done("deleteContact", "deletedId", id=contact)
    payload = await api.do(
        "eraseContact", "erasedId contact { id }", id=contact, expectedVersion=99
    )
    assert [error["code"] for error in payload["userErrors"]] == ["VERSION_CONFLICT"]
    assert (payload["erasedId"], payload["contact"]) == (None, None)
