"""Database queries for the API's lists, counts, reports and exports.

In their SQL conditions, `t0` is the table of the listed rows.
"""
