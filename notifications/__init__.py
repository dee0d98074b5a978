"""Outgoing mails: their texts, and how they are sent."""
