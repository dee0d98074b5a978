"""Structured logs of requests, errors and all other events."""
