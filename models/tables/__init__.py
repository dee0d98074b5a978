"""The tables, as Tortoise models."""
