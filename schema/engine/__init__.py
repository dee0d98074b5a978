"""Executes documents and knows no domain: document cache, plans, cost, limits, budgets."""
