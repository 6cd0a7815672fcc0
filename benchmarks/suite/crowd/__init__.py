"""Many WebSockets at once: who opens them, and what they show."""
