"""Benchmarks: compares this server with others that do the same work on the same rows."""
