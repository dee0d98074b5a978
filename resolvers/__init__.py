"""The verbs: what each root field does, one module a topic."""
