"""Users, groups and their permissions, through the API."""

from typing import Any

import pytest

from models import AuditEntry, User
from models.rules.permission import CATALOGUE
from models.tables.access import Scope
from tests.access_world import add_group, add_user, codes, sign_in
from tests.graphql_client import Api, counted_statements, wait_for_notices

ADMINISTER, SEE = Scope.ACCESS_ADMINISTER, Scope.ACCESS_READ
VIEW, EDIT, LOOK_UP = Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE, Scope.ENRICHMENT_RUN
CLASS_EDIT = Scope.CUSTOMER_CLASSES_WRITE

VIEWER = """{ viewer {
  name scopes permissions { code } credential { id name expiresAt resellerId }
  user { id name groups { name } } groups { name } accessTokens { name isValid }
} }"""


async def test_the_catalogue_says_what_each_permission_lets_one_do(api: Api) -> None:
    """R93, A20."""
    token = await api.token_for()  # every signed-in caller may read it
    listed = (await api.data("{ permissions { code description implied } }", token=token))[
        "permissions"
    ]
    assert [one["code"] for one in listed] == [scope.name for scope in sorted(Scope)]
    by_code = {one["code"]: one for one in listed}
    assert by_code["CUSTOMER_CLASSES_ADMINISTER"]["implied"] == [
        "CUSTOMER_CLASSES_READ",
        "CUSTOMER_CLASSES_WRITE",
    ]
    assert by_code["AUDIT_READ"]["implied"] == by_code["PERSONAL_DATA_READ"]["implied"] == []
    assert all(one["description"].endswith(".") for one in listed)
    # Implied permissions imply others in turn.
    for permission in CATALOGUE.values():
        for implied in permission.implied:
            assert CATALOGUE[implied].implied < permission.implied


async def test_a_user_is_added_edited_and_granted_permissions(api: Api) -> None:
    """R93, R96."""
    saved = await api.done(
        "saveUser",
        "user { id name email issuer subject isActive disabledAt version permissions { code } }",
        name="  Uma Underwood ",
        email="Uma@Example.COM",
        issuer="https://id.example",
        subject="4711",
    )
    user_id = saved["user"].pop("id")
    assert saved["user"] == {
        "name": "Uma Underwood",
        "email": "Uma@example.com",
        "issuer": "https://id.example",
        "subject": "4711",
        "isActive": True,
        "disabledAt": None,
        "version": 1,
        "permissions": [],
    }
    granted = await api.done(
        "grantPermissions",
        "user { version permissions { code } effectivePermissions { code } } userGroup { id }",
        granteeId=user_id,
        permissions=["CUSTOMERS_WRITE", "ENRICHMENT_RUN"],
        reason="Joins the front office",
        expectedVersion=1,
    )
    assert granted["userGroup"] is None
    assert granted["user"]["version"] == 2
    assert codes(granted["user"]["permissions"]) == ["CUSTOMERS_WRITE", "ENRICHMENT_RUN"]
    assert codes(granted["user"]["effectivePermissions"]) == [
        "CUSTOMERS_READ",
        "CUSTOMERS_WRITE",
        "ENRICHMENT_RUN",
    ]
    edited = await api.done("saveUser", "user { name version }", id=user_id, name="Uma U.")
    assert edited["user"] == {"name": "Uma U.", "version": 3}
    same = await api.done("saveUser", "user { version }", id=user_id, name="Uma U.")
    assert same["user"] == {"version": 3}
    trail = """query($id: ID!) { node(id: $id) { ... on User {
      auditTrail { nodes { operation reason before after actorName } }
    } } }"""
    entries = (await api.data(trail, id=user_id))["node"]["auditTrail"]["nodes"]
    assert [entry["operation"] for entry in entries] == [
        "USER_EDITED",
        "PERMISSIONS_GRANTED",
        "USER_CREATED",
    ]
    assert entries[0]["before"] == {"name": "Uma Underwood"}
    assert entries[1] == {
        "operation": "PERMISSIONS_GRANTED",
        "reason": "Joins the front office",
        "before": {"permissions": []},
        "after": {"permissions": ["CUSTOMERS_WRITE", "ENRICHMENT_RUN"]},
        "actorName": "Tess Tester",
    }


async def test_what_is_wrong_with_a_user_is_said_and_nothing_is_kept(api: Api) -> None:
    """R95."""
    await add_user(api, "Taken", issuer="https://id.example", subject="1")
    charity = await api.save_customer()
    partner = await api.save_customer(classCode="RESELLER_OTHER", name="Partner")
    user_id = await add_user(api, "Uma")
    identity = {"issuer": "https://id.example", "subject": "1"}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": " "}, "BLANK"),
        ({"name": "x" * 201}, "TOO_LONG"),
        ({"name": "x", "email": "nobody"}, "INVALID_EMAIL"),
        ({"name": "x", "issuer": "https://id.example"}, "REQUIRED"),
        ({"name": "x", "subject": "1"}, "REQUIRED"),
        ({"name": "x", **identity}, "ALREADY_EXISTS"),
        ({"id": user_id, **identity}, "ALREADY_EXISTS"),
        ({"name": "x", "resellerId": "cus_none"}, "NOT_FOUND"),
        ({"name": "x", "resellerId": charity["id"]}, "INVALID_RESELLER"),
        ({"id": user_id, "resellerId": partner["id"]}, "INVALID_RESELLER"),
        ({"id": "usr_none", "name": "x"}, "NOT_FOUND"),
        ({"id": user_id, "name": "x", "expectedVersion": 9}, "VERSION_CONFLICT"),
        ({"name": "x", "expectedVersion": 1}, "NOT_APPLICABLE"),
    ]
    for values, code in wrong:
        await api.refused("saveUser", code, **values)


async def test_what_is_wrong_with_a_grant_is_said_and_nothing_is_kept(api: Api) -> None:
    """R95."""
    user_id = await add_user(api, "Uma", EDIT)
    for mutation in ("grantPermissions", "revokePermissions"):
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"permissions": []}, "TOO_FEW_ITEMS"),
            ({"granteeId": "usr_none"}, "NOT_FOUND"),
            ({"granteeId": "grp_none"}, "NOT_FOUND"),
            ({"granteeId": "cus_none"}, "NOT_FOUND"),
            ({"expectedVersion": 7}, "VERSION_CONFLICT"),
        ]
        for values, code in wrong:
            given = {"granteeId": user_id, "permissions": ["CUSTOMERS_WRITE"], **values}
            await api.refused(mutation, code, **given)
    # A permission that another one implies cannot be revoked alone.
    (refusal,) = await api.refused(
        "revokePermissions", "PERMISSION_IMPLIED", granteeId=user_id, permissions=[VIEW.name]
    )
    assert refusal["message"] == (
        "customers:read cannot be revoked alone, because a permission that would stay includes it."
        " These would stay: customers:write."
    )


async def test_a_group_gives_its_members_what_it_was_granted(api: Api) -> None:
    """R93."""
    uma, vic = await add_user(api, "Uma", LOOK_UP), await add_user(api, "Vic")
    group = await add_group(api, "Front office", EDIT, members=[uma, vic])
    token = await sign_in(api, uma, EDIT, LOOK_UP)
    held = "{ viewer { permissions { code } groups { name } } }"
    viewer = (await api.data(held, token=token))["viewer"]
    assert codes(viewer["permissions"]) == ["CUSTOMERS_READ", "CUSTOMERS_WRITE", "ENRICHMENT_RUN"]
    assert viewer["groups"] == [{"name": "Front office"}]
    await api.done(
        "revokePermissions", "userGroup { id }", granteeId=group, permissions=["CUSTOMERS_WRITE"]
    )
    viewer = (await api.data(held, token=token))["viewer"]
    assert codes(viewer["permissions"]) == ["ENRICHMENT_RUN"]
    await api.done("grantPermissions", "", granteeId=group, permissions=["CUSTOMERS_READ"])
    viewer = (await api.data(held, token=token))["viewer"]
    assert codes(viewer["permissions"]) == ["CUSTOMERS_READ", "ENRICHMENT_RUN"]
    left = await api.done(
        "changeGroupMembers", "userGroup { memberCount }", groupId=group, removeUserIds=[uma]
    )
    assert left["userGroup"] == {"memberCount": 1}
    viewer = (await api.data(held, token=token))["viewer"]
    assert (codes(viewer["permissions"]), viewer["groups"]) == (["ENRICHMENT_RUN"], [])
    deleted = await api.done("deleteUserGroup", "deletedId userGroup { id }", id=group)
    assert (deleted["deletedId"], deleted["userGroup"]) == (group, None)
    assert (await api.data("query($id: ID!) { node(id: $id) { id } }", id=group))["node"] is None
    assert [e.operation for e in await AuditEntry.filter(subject_id=vic).order_by("id")] == [
        "user.created",
        "user.joined_group",
        "user.left_group",
    ]


async def test_what_is_wrong_with_a_group_is_said_and_nothing_is_kept(api: Api) -> None:
    """R95."""
    uma = await add_user(api, "Uma")
    await api.done("saveUserGroup", "", name="Clerks", externalName="clerks")
    group = await add_group(api, "Front office", members=[uma])
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": ""}, "BLANK"),
        ({"name": "CLERKS"}, "ALREADY_EXISTS"),
        ({"name": "x", "externalName": "clerks"}, "ALREADY_EXISTS"),
        ({"id": group, "externalName": "clerks"}, "ALREADY_EXISTS"),
        ({"id": "grp_none", "name": "x"}, "NOT_FOUND"),
        ({"id": group, "name": "x", "expectedVersion": 7}, "VERSION_CONFLICT"),
    ]
    for values, code in wrong:
        await api.refused("saveUserGroup", code, **values)
    wrong = [
        ({"addUserIds": ["usr_none"]}, "NOT_FOUND"),
        ({"removeUserIds": [uma, "usr_none"]}, "NOT_FOUND"),
        ({"groupId": "grp_none", "addUserIds": [uma]}, "NOT_FOUND"),
        ({"addUserIds": [uma], "removeUserIds": [uma]}, "DUPLICATE_ITEM"),
        ({"addUserIds": ["x"] * 101}, "TOO_MANY_ITEMS"),
        ({"removeUserIds": [uma], "expectedVersion": 9}, "VERSION_CONFLICT"),
    ]
    for values, code in wrong:
        await api.refused("changeGroupMembers", code, **{"groupId": group, **values})
    (unknown,) = await api.refused(
        "changeGroupMembers", "NOT_FOUND", groupId=group, removeUserIds=[uma, "usr_none"]
    )
    assert unknown["path"] == ["removeUserIds", "1"]
    await api.refused("deleteUserGroup", "NOT_FOUND", id="grp_none")
    await api.refused("deleteUserGroup", "VERSION_CONFLICT", id=group, expectedVersion=9)


async def test_a_disabled_user_is_not_signed_in_until_it_is_enabled(api: Api) -> None:
    """R95."""
    uma = await add_user(api, "Uma", VIEW)
    token = await sign_in(api, uma, VIEW)
    assert (await api.post(VIEWER, token=token)).status_code == 200
    for _ in range(2):  # the second call changes nothing
        disabled = await api.done(
            "disableUser", "user { isActive version }", id=uma, reason="Left us"
        )
        assert disabled["user"] == {"isActive": False, "version": 3}
        assert (await api.post(VIEWER, token=token)).status_code == 401
    await api.refused(
        "issueAccessToken", "USER_DISABLED", userId=uma, name="x", scopes=["CUSTOMERS_READ"]
    )
    enabled = await api.done("enableUser", "user { isActive disabledAt }", id=uma)
    assert enabled["user"] == {"isActive": True, "disabledAt": None}
    assert (await api.post(VIEWER, token=token)).status_code == 200


async def test_the_viewer_sees_its_user_its_groups_and_its_own_tokens(api: Api) -> None:
    uma, vic = await add_user(api, "Uma", VIEW), await add_user(api, "Vic", VIEW)
    await add_group(api, "Readers", members=[uma, vic])
    await sign_in(api, vic, VIEW, name="of another's")
    token = await sign_in(api, uma, VIEW, name="phone")
    asked = "{ viewer { id name scopes permissions { code } credential { expiresAt } } }"
    for _ in range(2):  # the first request stores the token's last use
        await api.data(asked, token=token)
    with counted_statements() as statements:
        await api.data(asked, token=token)
    assert statements == []
    viewer = (await api.data(VIEWER, token=token))["viewer"]
    credential = viewer.pop("credential")
    assert credential["id"].startswith("crd_")
    assert viewer == {
        "name": "phone",
        "scopes": ["CUSTOMERS_READ"],
        "permissions": [{"code": "CUSTOMERS_READ"}],
        "user": {"id": uma, "name": "Uma", "groups": [{"name": "Readers"}]},
        "groups": [{"name": "Readers"}],
        "accessTokens": [{"name": "phone", "isValid": True}],
    }
    nobodys = (await api.data(VIEWER))["viewer"]
    assert (nobodys["user"], nobodys["groups"], nobodys["accessTokens"]) == (None, [], [])


async def test_who_reads_customers_by_a_group_sees_classes_without_seeing_to_them(
    api: Api,
) -> None:
    """R94: the permission comes from a group, and there is none on classes."""
    customer = await api.save_customer(classCode="SOLE_TRADER")
    own = await api.save_class("id", name="No longer picked")
    await api.done("retireCustomerClass", "", id=own["id"], reason="Old")
    uma = await add_user(api, "Uma")
    await add_group(api, "Front office", EDIT, members=[uma])
    token = await sign_in(api, uma, EDIT)
    read = """query($id: ID) {
      customer(id: $id) { customerClass { name } labels }
      customerClasses(filter: { statuses: null }) { nodes { name } }
      customerClass(code: "CHARITY") { name }
    }"""
    body = await api.answer(read, token=token, id=customer["id"])
    assert [error["extensions"]["requiredScopes"] for error in body["errors"]] == [
        ["CUSTOMER_CLASSES_READ"]
    ]
    assert body["data"]["customer"] == {
        "customerClass": {"name": "Self-Employed / Sole Trader"},
        "labels": ["INDIVIDUAL", "SOLE_TRADER"],
    }
    picked = {node["name"] for node in body["data"]["customerClasses"]["nodes"]}
    assert ("Charity" in picked, "No longer picked" in picked, len(picked)) == (True, False, 10)
    moved = await api.do(
        "saveCustomer", "customer { name }", token=token, name="New", classCode="CHARITY"
    )
    assert moved == {"customer": {"name": "New"}, "userErrors": []}
    error = await api.error(
        'mutation { saveCustomerClass(input: { name: "Mine" }) { userErrors { code } } }',
        token=token,
    )
    assert error["extensions"]["requiredScopes"] == ["CUSTOMER_CLASSES_WRITE"]


@pytest.mark.parametrize("mutation", ["saveUser", "saveUserGroup"])
async def test_a_dry_run_shows_what_would_be_and_keeps_nothing(api: Api, mutation: str) -> None:
    kind = "user" if mutation == "saveUser" else "userGroup"
    shown = await api.done(mutation, f"{kind} {{ name }}", name="Maybe", dryRun=True)
    assert shown[kind] == {"name": "Maybe"}
    assert await User.filter(name="Maybe").count() == 0
    assert await AuditEntry.all().count() == 0


async def test_users_are_listed_by_name_found_and_paged(api: Api) -> None:
    """R98."""
    partner = await api.save_customer(classCode="RESELLER_OTHER", name="Partner")
    zoe = await add_user(api, "Zoe", email="z@sample.example")
    adam = await add_user(api, "adam", resellerId=partner["id"])
    bea = await add_user(api, "Bea")
    group = await add_group(api, "Some", members=[zoe, bea])
    await api.done("disableUser", "", id=bea)
    query = """query(
      $first: Int, $after: String, $last: Int, $before: String, $filter: UserFilter,
      $sort: UserSort
    ) {
      users(first: $first, after: $after, last: $last, before: $before, filter: $filter,
            sort: $sort) {
        totalCount nodes { id }
        pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
      }
    }"""
    found: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [adam, bea, zoe]),
        ({"text": "SAMPLE.ex"}, [zoe]),
        ({"text": "ADAM"}, [adam]),
        ({"text": "\u00e0d\u00e0m"}, [adam]),
        ({"text": "ze\u0301"}, []),
        ({"text": "%"}, []),
        ({"groupId": group}, [bea, zoe]),
        ({"resellerId": partner["id"]}, [adam]),
        ({"isActive": False}, [bea]),
        ({"isActive": True, "groupId": group}, [zoe]),
    ]
    for wanted, ids in found:
        users = (await api.data(query, filter=wanted))["users"]
        assert ([node["id"] for node in users["nodes"]], users["totalCount"]) == (ids, len(ids))
    seen, after = [], None
    for has_more in (True, False):
        users = (await api.data(query, first=2, after=after))["users"]
        seen += [node["id"] for node in users["nodes"]]
        assert users["pageInfo"]["hasNextPage"] is has_more
        after = users["pageInfo"]["endCursor"]
    assert seen == [adam, bea, zoe]
    for sort, ids in {
        "NAME_ASC": [adam, bea, zoe],
        "NAME_DESC": [zoe, bea, adam],
        "CREATED_AT_ASC": [zoe, adam, bea],
        "CREATED_AT_DESC": [bea, adam, zoe],
    }.items():
        tail = (await api.data(query, last=2, sort=sort))["users"]
        head = (await api.data(query, last=2, sort=sort, before=tail["pageInfo"]["startCursor"]))[
            "users"
        ]
        assert [node["id"] for page in (head, tail) for node in page["nodes"]] == ids
        assert [page["pageInfo"]["hasPreviousPage"] for page in (head, tail)] == [False, True]
        other = "NAME_ASC" if sort != "NAME_ASC" else "NAME_DESC"
        error = await api.error(query, after=tail["pageInfo"]["startCursor"], sort=other)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    error = await api.error(query, after="bm9uc2Vuc2U")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_groups_are_found_by_name_or_member(api: Api) -> None:
    uma = await add_user(api, "Uma")
    group = await add_group(api, "Front office", members=[uma])
    other = await add_group(api, "Back office")
    query = """query($filter: UserGroupFilter, $sort: UserGroupSort) {
      userGroups(filter: $filter, sort: $sort) { totalCount nodes { id } } }"""
    found: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [other, group]),
        ({"sort": "NAME_DESC"}, [group, other]),
        ({"sort": "CREATED_AT_ASC"}, [group, other]),
        ({"filter": {"text": "FRONT"}}, [group]),
        ({"filter": {"memberId": uma}}, [group]),
        ({"filter": {"memberId": "usr_none"}}, []),
    ]
    for asked, ids in found:
        groups = (await api.data(query, **asked))["userGroups"]
        assert ([node["id"] for node in groups["nodes"]], groups["totalCount"]) == (ids, len(ids))


OF_USERS = (
    "groups { name permissions { code } }",
    "effectivePermissions { code }",
    "accessTokens { name isValid user { name } }",
    "auditTrail { nodes { operation } }",
    "reseller { name }",
)


async def test_a_list_of_users_reads_each_relation_once(api: Api) -> None:
    partner = await api.save_customer(classCode="RESELLER_OTHER", name="Partner")
    for number in range(5):
        user = await add_user(api, f"User {number}", VIEW, resellerId=partner["id"])
        await sign_in(api, user, VIEW)
        await add_group(api, f"Group {number}", LOOK_UP, members=[user])
    await wait_for_notices(api)
    await api.data("{ viewer { id } }")
    for select in OF_USERS:
        counts = []
        for first in (1, 5):
            document = f"query($n: Int) {{ users(first: $n) {{ nodes {{ {select} }} }} }}"
            with counted_statements() as seen:
                data = await api.data(document, n=first)
            assert len(data["users"]["nodes"]) == first
            counts.append(len(seen))
        assert counts[0] == counts[1], select
    with counted_statements() as one_group:
        await api.data("{ userGroups(first: 1) { nodes { memberCount } } }")
    with counted_statements() as many_groups:
        select = "memberCount auditTrail { nodes { id } }"
        await api.data(f"{{ userGroups {{ totalCount nodes {{ {select} }} }} }}")
    assert (len(one_group), len(many_groups)) == (2, 4)
