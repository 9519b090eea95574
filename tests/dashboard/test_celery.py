"""What beat asks for and what the workers know."""

import inspect

import pytest
from celery import Celery
from django.conf import settings

from dashboard.celery import app

# Loading the tasks runs Django's checks, which look at the database.
pytestmark = pytest.mark.django_db


def _tasks(app: Celery) -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if not name.startswith("celery.")}


def test_workers_know_what_beat_asks_for() -> None:
    asked = {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert asked <= _tasks(app)


def test_beat_asks_for_every_task_that_nothing_else_could_start() -> None:
    """A task without a row's number is a look around: nobody but beat would send it."""
    asked = {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    looks = {name for name in _tasks(app) if not inspect.signature(app.tasks[name].run).parameters}
    assert looks == asked
