"""Outbound: mails, written without any input or output, and the ways in which they leave."""
