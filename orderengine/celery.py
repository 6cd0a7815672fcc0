"""The Celery app: where stage tasks run. Its settings stand in settings.py under the CELERY_ prefix."""

import os

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orderengine.settings")
# A worker would run all of Django's checks, for which it loads every view, and read none of the answers.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")


@signals.celeryd_init.connect
@signals.beat_init.connect
def refuse_unsafe_start(**_: object) -> None:
    """Before a worker or beat does anything. Imported here, since the checks need the loaded apps."""
    import django

    django.setup(set_prefix=False)
    from orderengine.startup import refuse_unsafe

    refuse_unsafe()


app = Celery("orderengine")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
