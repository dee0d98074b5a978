"""Companies House: asking it, reading what it says, and a sandbox that answers like it."""
