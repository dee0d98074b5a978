"""Sign-in through the organisation's identity provider: its keys, and its tokens."""
