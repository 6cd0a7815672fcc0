"""The public JSON of orders and routes, and the pictures of routes."""
