"""The deployment: settings, Celery app, ASGI entry and supervisor. Nothing here knows what an order is."""

from orderengine.celery import app as celery_app

__all__ = ["celery_app"]
