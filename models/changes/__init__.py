"""State changes, each with its history, audit, event and job rows."""
