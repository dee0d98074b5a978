"""Access to the database: connections, row queries, SQL dialects, locks and the tenant scope."""
