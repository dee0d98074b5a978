"""Write operations: each stores its changes with their history, audit, event and job rows."""
