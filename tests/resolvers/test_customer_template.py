"""The list of templates for new customers."""

from typing import Any

from models.tables.audit import ActorContext
from tests.factories import add_template, shipped
from tests.graphql_client import Api, Json


async def test_templates_are_listed_filtered_and_paged(api: Api, act: ActorContext) -> None:
    """R98."""
    charity = await shipped("CHARITY")
    seller = await api.save_customer(classCode="RESELLER_OTHER", name="Seller")
    given: Json = {
        "b": {"customer_class_id": charity.id},
        "C": {"parent_id": seller["id"]},
        "a": {},
    }
    for name, values in given.items():
        await add_template(api.platform.database, act, name, **values)
    document = """query(
      $filter: CustomerTemplateFilter, $sort: CustomerTemplateSort, $first: Int, $after: String,
      $last: Int, $before: String
    ) { customerTemplates(filter: $filter, sort: $sort, first: $first, after: $after, last: $last,
                          before: $before) {
      totalCount nodes { name } pageInfo { startCursor endCursor } } }"""

    async def listed(**arguments: Any) -> tuple[str, Json]:
        page: Json = (await api.data(document, **arguments))["customerTemplates"]
        return "".join(node["name"] for node in page["nodes"]), page

    for filter_, names in (
        (None, "abC"),
        ({"text": "c"}, "C"),
        ({"classId": charity.id}, "b"),
        ({"parentId": seller["id"]}, "C"),
    ):
        found, page = await listed(filter=filter_)
        assert (found, page["totalCount"]) == (names, len(names))
    for sort, names in (
        ("NAME_DESC", "Cba"),
        ("CREATED_AT_ASC", "bCa"),
        ("CREATED_AT_DESC", "aCb"),
    ):
        head, page = await listed(first=1, sort=sort)
        rest, _ = await listed(sort=sort, after=page["pageInfo"]["endCursor"])
        assert head + rest == names
        tail, page = await listed(last=1, sort=sort)
        rest, _ = await listed(last=5, sort=sort, before=page["pageInfo"]["startCursor"])
        assert rest + tail == names
