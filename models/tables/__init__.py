"""The database tables, as Tortoise models."""
