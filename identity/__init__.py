"""The organisation's identity provider: its keys, and what the tokens that it signed say."""
