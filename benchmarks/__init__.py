"""Measures this server beside others that do the same work on the same rows."""
