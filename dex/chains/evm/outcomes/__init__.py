"""What becomes of transactions: simulated, broadcast, reverted, or included with a receipt."""
