"""Parts that measure an engine from outside: by HTTP, WebSocket, rows, and the wire to PostgreSQL."""
