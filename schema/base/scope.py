"""The GraphQL enum of the permissions."""

from models.rules.permission import CATALOGUE, Scope
from schema.base.descriptions import described_enum

ScopeEnum = described_enum(
    Scope,
    "Scope",
    "The name of a permission, which is also a scope of access tokens. The command line and the"
    " identity provider write it as `resource:verb`.",
    {scope.name: f"`{scope}`: {permission.description}" for scope, permission in CATALOGUE.items()},
)
