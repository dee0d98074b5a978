"""Copies of the whole database: how they are read, checked, described and stored."""
