"""The markets that orders were routed on, kept for a while so that routes can be found again and checked."""
