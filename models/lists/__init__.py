"""What lists, counts, reports and exports read."""
