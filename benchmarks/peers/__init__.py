"""Servers to compare this project with; the project does not depend on them."""
