"""HTTP and WebSocket as bytes: the server, and how connections are read."""
