"""The database's rows against the chain: wallets, blocks, nodes and the ledger."""
