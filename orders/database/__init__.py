"""How this package uses PostgreSQL: rows as one parameter, locks, errors, and what is known of lost writes."""
