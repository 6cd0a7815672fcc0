"""The HTTP edge of who calls: what a caller is told of itself, and the tickets that open its WebSockets."""
