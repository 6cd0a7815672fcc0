"""The Celery app: where stage tasks run. Its settings stand in settings.py under the CELERY_ prefix."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orderengine.settings")

app = Celery("orderengine")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
