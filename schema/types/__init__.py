"""The types that clients see, one module a topic."""
