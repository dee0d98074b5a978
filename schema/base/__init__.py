"""Building blocks of GraphQL types: field mapping, pages, permissions, errors, context."""
