"""What moves orders: the loop, claims, transitions, the four stages, and the maintenance between them."""
