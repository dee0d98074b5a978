"""Executes GraphQL documents, independent of the domain: cache, plans, cost, limits, budgets."""
