"""What wallets hold, and what they allow the router contracts to take."""
