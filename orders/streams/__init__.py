"""The WebSocket edge: sockets, who may open them, and the feed that reads events for all of them."""
