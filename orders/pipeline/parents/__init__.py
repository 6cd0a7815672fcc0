"""Parents: orders that are executed by orders of their own, their children, and end when all of these have ended."""
