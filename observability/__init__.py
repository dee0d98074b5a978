"""Structured logs of requests, of errors and of all other events."""
