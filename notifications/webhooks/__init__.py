"""Sends events to the webhook endpoints of partners and of the platform (Standard Webhooks)."""
