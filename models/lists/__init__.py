"""Queries for lists, counts, reports and exports."""
