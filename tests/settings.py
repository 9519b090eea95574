"""The settings of the tests: the product's own, on throwaway data and servers.

Of the developer's environment only DATABASE_URL and REDIS_URL count. Each xdist worker has a
database, a folder, and a Valkey (or two numbers of the given Redis, emptied) of its own.
"""

import atexit
import os
import re
import shutil
import socket
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "dashboard" / "settings.py"
SETTING_NAMES = set(re.findall(r'env_\w+\(\s*"([A-Z_]+)"', SOURCE.read_text("utf-8")))

for name in SETTING_NAMES - {"DATABASE_URL", "REDIS_URL"}:
    os.environ.pop(name, None)
    os.environ.pop(f"{name}_FILE", None)
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="voxledger-tests-")
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)

from dashboard.databases import next_database  # noqa: E402
from dashboard.settings import *  # noqa: E402, F403
from dashboard.settings import CACHES, DATA_DIR, DATABASES, STORAGES  # noqa: E402
from dashboard.settings import REDIS_URL as GIVEN_REDIS  # noqa: E402


def _own_redis() -> str:
    if os.environ.get("REDIS_URL"):
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        return f"{GIVEN_REDIS.rstrip('/').removesuffix('/0')}/{2 * worker}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}/0"


REDIS_IS_GIVEN = bool(os.environ.get("REDIS_URL"))
REDIS_URL = CELERY_BROKER_URL = _own_redis()
CACHE_URL = CACHES["default"]["LOCATION"] = next_database(REDIS_URL)

# A file, so that the threads of the live server and real processes can share it.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
# A connection kept open by a thread of the live server would hold the test database.
DATABASES["default"]["CONN_MAX_AGE"] = 0

# Straight from static/, without collecting first.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = True

# Fast on purpose; nobody's real password is here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Long enough to be tried again, short enough for tests in which the API stays away.
VOX_RETRY_SECONDS = 1
# A test that breaks the API wants to see it broken; tests/history/test_answers.py keeps answers.
VOX_ANSWERS_KEEP_SECONDS = 0
