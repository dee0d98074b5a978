"""The contract: what a client can see and name."""
