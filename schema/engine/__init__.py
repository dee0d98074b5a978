"""Executes GraphQL documents, independently of the domain: cache, plans, cost, limits, budgets."""
