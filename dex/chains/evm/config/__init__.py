"""Chains as operators describe them: CHAINS_FILE, its checks, and the addresses of known deployments."""
