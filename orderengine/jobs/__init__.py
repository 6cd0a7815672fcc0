"""Celery's broker transport and beat, which outlive the loss of Redis."""
