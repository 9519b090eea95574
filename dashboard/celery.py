import os

from celery import Celery

from dashboard import heartbeats

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

app = Celery("voxledger")
# The settings that begin with CELERY_ in settings.py.
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["history.deletions"])
heartbeats.install(app)
