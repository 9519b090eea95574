"""What gunicorn serves."""

import os
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
_django = get_wsgi_application()


def application(environ: Any, start_response: Any) -> Any:
    return _django(environ, start_response)


# CPython keeps the frames of a thread's calls in pieces of 16 KB, and returns a piece to the kernel
# as soon as the call that began it is over. Where the depth of a page lies at the edge of a piece,
# every small call of a template asks for memory and returns it: a hundred times a page, a quarter
# of its time. A call that says it needs more than a piece gets a larger one, and what it does not
# use has room for the calls below it. Pages of memory that nobody touches cost nothing.
# https://github.com/python/cpython/blob/3.13/Python/pystate.c (push_chunk)
_SLOTS = 20_000  # of 8 bytes: a piece of 256 KB, 96 KB of it free
application.__code__ = application.__code__.replace(co_stacksize=_SLOTS)
