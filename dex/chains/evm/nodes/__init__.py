"""JSON-RPC nodes: requests, replies, errors, and what several nodes must agree on."""
