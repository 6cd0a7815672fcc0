"""The HTTP edge of webhooks: endpoints, what is sent to them by hand, and the log of deliveries."""
