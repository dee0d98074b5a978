"""Servers to compare with; the project itself depends on none of them."""
