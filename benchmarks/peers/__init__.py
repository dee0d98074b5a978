"""The peer servers to compare with; the project does not depend on any of them."""
