"""Data from Companies House: a client, readers of its data and of filed accounts, and a sandbox."""
