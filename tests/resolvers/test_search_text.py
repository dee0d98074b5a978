"""Searches for a text without a visible character, in each list that is searched."""

import pytest
from graphql import get_named_type, is_input_object_type

from tests.graphql_client import Api, the_schema

TEXT = "text"
MORE = {"customerReport": ("groupBy: [CLASS], ", "customerCount")}
"""Arguments, and the number to select, of root fields that are not plain lists."""


def searched_lists() -> dict[str, str]:
    """Return the types of the filters with a text, by the root fields that have them."""
    query = the_schema().core.query_type
    assert query is not None
    found = {}
    for name, field in query.fields.items():
        argument = field.args.get("filter")
        kind = get_named_type(argument.type) if argument is not None else None
        if is_input_object_type(kind) and TEXT in kind.fields:
            found[name] = kind.name
    return found


LISTS = searched_lists()


def test_lists_are_searched() -> None:
    assert {"customers", "users", "userGroups", "customerTemplates"} <= LISTS.keys()


@pytest.mark.parametrize("name", LISTS)
async def test_an_invisible_text_lists_nothing_by_mistake(api: Api, name: str) -> None:
    """White space alone is an empty search box; other ignored characters must not list all."""
    arguments, counted = MORE.get(name, ("", "totalCount"))
    field = f"{name}({arguments}filter: $filter) {{ {counted} }}"
    document = f"query($filter: {LISTS[name]}) {{ {field} }}"
    for text in ("\u202e", "\u200b", " \u2060\t", "\u0301", "\U000e0041", "\u3164"):
        body = await api.answer(document, filter={TEXT: text})
        assert body["data"] == {name: None}, text.encode("unicode-escape")
        assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    everything = await api.data(document, filter={})
    for text in ("", "  ", "\u00a0\n\t"):
        assert await api.data(document, filter={TEXT: text}) == everything
    for text in ("\x01", "\x7f", "\ufffd"):
        assert await api.data(document, filter={TEXT: text}) == {name: {counted: 0}}
