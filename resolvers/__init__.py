"""Resolvers of the root fields: one module per topic, one function per field."""
