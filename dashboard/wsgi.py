import os

from django.core.wsgi import get_wsgi_application

from dashboard.room import with_room

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

application = with_room(get_wsgi_application())
