"""The GraphQL schema: its types and root fields, and how operations on them are executed."""
