"""Business rules as pure functions: from values and a time, they return a decision and a reason."""
