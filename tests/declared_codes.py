"""Checks that mutations return only those user errors that the schema declares for them."""

from typing import Any

from graphql import FieldNode, OperationDefinitionNode, parse
from strawberry.utils.str_converters import to_snake_case

from schema.root.user_errors import USER_ERRORS


def refuse_undeclared_codes(document: str, body: dict[str, Any]) -> None:
    """Fail if a user error in the answer to a document has a code that its mutation lacks."""
    data = body.get("data")
    given = {
        key: codes
        for key, value in (data if isinstance(data, dict) else {}).items()
        if isinstance(value, dict) and (codes := _codes_in(value))
    }
    if not given:
        return
    for operation in parse(document).definitions:
        if not isinstance(operation, OperationDefinitionNode):
            continue
        for node in operation.selection_set.selections:
            if isinstance(node, FieldNode):
                codes = given.get((node.alias or node.name).value, set())
                declared = USER_ERRORS[to_snake_case(node.name.value)].split() if codes else []
                assert codes <= {*declared}, f"{node.name.value}: {codes - {*declared}}"


def _codes_in(payload: dict[str, Any]) -> set[str]:
    """Return the codes of a payload's user errors, and of those of its results."""
    results = payload.get("results") or ()
    holders = [payload, *(one for one in results if isinstance(one, dict))]
    return {
        error["code"] for one in holders for error in one.get("userErrors") or () if "code" in error
    }
