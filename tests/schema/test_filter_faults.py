"""Wrong values of filters are told with path and code, as those of variables are."""

import pytest

from tests.graphql_client import Api, Json

OF_CUSTOMERS = "query($f: CustomerFilter) { customers(filter: $f) { totalCount } }"
OF_CONTACTS = "query($f: ContactFilter) { contacts(filter: $f) { totalCount } }"


@pytest.mark.parametrize(
    ("document", "filter_", "code", "bounds"),
    [
        (OF_CUSTOMERS, {"companyNumber": "!!"}, "INVALID_COMPANY_NUMBER", {}),
        (OF_CUSTOMERS, {"text": "x" * 201}, "TOO_LONG", {"limit": 200}),
        (OF_CUSTOMERS, {"text": "\u200b"}, "BLANK", {}),
        (OF_CUSTOMERS, {"ids": ["x"] * 501}, "TOO_MANY_ITEMS", {"limit": 500}),
        (OF_CUSTOMERS, {"classCodes": ["x"] * 501}, "TOO_MANY_ITEMS", {"limit": 500}),
        (OF_CONTACTS, {"email": "nobody"}, "INVALID_EMAIL", {}),
    ],
)
async def test_a_condition_is_refused_with_its_path(
    api: Api, document: str, filter_: Json, code: str, bounds: Json
) -> None:
    error = await api.error(document, f=filter_)
    (fault,) = error["extensions"]["faults"]
    told = {"argument": "filter", "path": [*filter_], "code": code, "message": error["message"]}
    assert fault == told | bounds
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_empty_box_sets_no_condition(api: Api) -> None:
    await api.save_customer()
    for name in ("text", "companyNumber"):
        for blank in ("", "  "):
            found = (await api.data(OF_CUSTOMERS, f={name: blank}))["customers"]
            assert found["totalCount"] == 1, name
    assert (await api.data(OF_CONTACTS, f={"email": " "}))["contacts"]["totalCount"] == 0
