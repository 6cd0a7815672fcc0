"""The command line's client side: HTTP and WebSocket to a running server, and what people see of it."""
