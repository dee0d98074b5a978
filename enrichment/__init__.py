"""Companies House: its client, the reader of its data and of filed accounts, and a sandbox."""
