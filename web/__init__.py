"""HTTP and WebSocket: the server, the GraphQL endpoint, pages, exports and health checks."""
