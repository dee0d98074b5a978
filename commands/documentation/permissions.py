"""Generates the page of permissions, with the fields and operations that need each of them."""

from collections.abc import Mapping

from commands.documentation.guarded_fields import Guards
from commands.documentation.markdown import code, table
from models.rules.permission import CATALOGUE, FOR_PARTNERS, Permission, Scope

INTRODUCTION = """# Permissions

A user holds permissions by grants to the user or to its groups. A token has scopes, which are
permissions too: a token of a user can do what both its scopes and its user's permissions allow.
Some permissions include others. The command line and an identity provider write a permission as
`resource:verb`; the API has the enum `Scope`.
"""


def permissions_page(guards: Guards, catalogue: Mapping[Scope, Permission] = CATALOGUE) -> str:
    """Return the page of permissions; `guards` are the permissions of the fields."""
    rows = [
        (
            code(permission.code),
            code(permission.code.name),
            permission.description,
            ", ".join(code(one) for one in sorted(permission.implied)) or "none",
            "yes" if permission.code in FOR_PARTNERS else "no",
            ", ".join(code(field) for field in dict.fromkeys(guards.fields_of(permission.code)))
            or "none",
        )
        for permission in catalogue.values()
    ]
    titles = ("Permission", "In the API", "Allows", "Includes", "For partners", "Needed by")
    note = (
        "Where an operation stands with several permissions, one of them is enough. An operation"
        " that stands with none needs a valid token only. A mutation may need a further permission"
        " for some inputs; its description says so.\n"
    )
    return "\n".join((INTRODUCTION, table(titles, rows), note))
