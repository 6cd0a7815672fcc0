"""Django's PostgreSQL with the session's limits set by a statement: `ENGINE = "orderengine.postgres"`."""
