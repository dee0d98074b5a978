"""GraphQL types, inputs and payloads, with one module per topic."""
