"""The audit log: written in the transaction of each change by hand or key, and proved by its chain of hashes."""
