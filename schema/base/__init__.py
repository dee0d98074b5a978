"""What every type needs: field mapping, projections, pages, permissions, errors, context."""
