"""The supervisor behind `make run` and the throw-away servers behind `make test`; no part of the deployment.

Uses the standard library alone, but for hot reload, and never Django: it must be able to say what is missing. Secrets
travel in files and environments, never in process arguments.
"""
