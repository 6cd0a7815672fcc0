"""The WebSocket that quotes again with each block, and what it costs at most."""
