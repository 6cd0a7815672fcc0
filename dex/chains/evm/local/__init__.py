"""A chain for development and tests: a local node with the real contracts, out of their npm packages.

Never imported by the engine itself. Its accounts are public: nothing of worth may ever be sent to them.
"""
