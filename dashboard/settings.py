"""All settings of Voxledger. They come from the environment alone: see docs/settings.md."""

import re
from pathlib import Path

import django_stubs_ext
from django.utils.csp import CSP
from kombu import Queue

from dashboard.databases import database, next_database
from dashboard.env import (
    BadSetting,
    env_bool,
    env_choice,
    env_directory,
    env_file,
    env_int,
    env_issuer,
    env_list,
    env_networks,
    env_origins,
    env_path,
    env_rates,
    env_redis,
    env_roles,
    env_roles_of_groups,
    env_secret,
    env_secrets,
    env_text,
    env_url,
    env_url_with,
    env_zone,
)
from dashboard.log_form import logging_config
from dashboard.oidc import single_sign_on
from dashboard.secret_key import kept_secret_key
from dashboard.storages import report_storage

django_stubs_ext.monkeypatch()  # so that ModelForm[…] can be written at run time too

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = re.findall(r"(?m)^## v(\S+)", (BASE_DIR / "CHANGELOG.md").read_text("utf-8"))[0]

# Where `make demo` puts its servers while these ports are free.
DEMO_SANDBOX = "http://127.0.0.1:8764/platform_api"
DEMO_VALKEY = "redis://127.0.0.1:8763"

# What is kept on this machine

DATA_DIR = env_directory("DATA_DIR", BASE_DIR / "var")
STATIC_ROOT = env_path("STATIC_ROOT", DATA_DIR / "static")

# Security

DEBUG = env_bool("DEBUG", default=False)
SECRET_KEY = env_secret("SECRET_KEY") or kept_secret_key(DATA_DIR / "secret_key")
# Former ones: what they sealed or signed still opens.
SECRET_KEY_FALLBACKS = env_secrets("SECRET_KEY_FALLBACKS")
# What the keys of accounts are sealed with, the newest first; by default SECRET_KEY does it.
VOX_ENCRYPTION_KEYS = env_secrets("VOX_ENCRYPTION_KEYS")
THIS_MACHINE = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ",".join(THIS_MACHINE))
CSRF_TRUSTED_ORIGINS = env_origins("CSRF_TRUSTED_ORIGINS")
# As soon as other machines are to reach it, passwords must not travel in the open.
HTTPS_ONLY = env_bool("HTTPS_ONLY", default=not set(ALLOWED_HOSTS) <= set(THIS_MACHINE))
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
# Probes ask this process itself, without the proxy that speaks https.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
SESSION_ENGINE = "dashboard.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# An address may hold a number that was searched for: no other site is told any.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# Forms here are short; the longest are a search of many numbers and a key file.
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = ["dashboard.uploads.SmallUploads"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
DATA_UPLOAD_MAX_NUMBER_FILES = 2
SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "media-src": [CSP.SELF, "blob:"],
    "manifest-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}

# The application

INSTALLED_APPS = [
    "dashboard",
    "history",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "dashboard.logs.logged",
    "dashboard.metrics.measured",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "dashboard.middleware.powers",
    "dashboard.middleware.small_pages",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "dashboard.middleware.csrf_cookie_once",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "history.accounts.addressed",
    "dashboard.middleware.seen",
    "dashboard.middleware.SecondFactorFirst",
    "django_htmx.middleware.HtmxMiddleware",
    "history.middleware.preferences",
    "history.answers.looked",
    "history.masking.masking",
    "history.trail.noted",
    "history.middleware.RemoteErrors",
]
ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.csp",
                "django.template.context_processors.i18n",
                "django.template.context_processors.request",
                "django.template.context_processors.tz",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "history.middleware.frame",
            ],
        },
    },
    {
        "NAME": "jinja",
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"environment": "history.jinja.environment"},
    },
]

# Sign-in (django-allauth)

# The names of history.permissions.ROLES, which cannot be read yet; a test compares.
ROLES = ("agent", "supervisor", "finance", "admin", "auditor", "owner")
LOGIN_REDIRECT_URL = "home"
LOGIN_URL = "account_login"
AUTHENTICATION_BACKENDS = ["dashboard.sessions.Backend"]
ACCOUNT_ADAPTER = "dashboard.accounts.ClosedAccountAdapter"
ACCOUNT_FORMS = {
    "login": "dashboard.accounts.SignInForm",
    "change_password": "dashboard.accounts.NewPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_SESSION_REMEMBER = True
# Guesses of passwords and codes are counted by address, so that address must be the reader's.
ALLAUTH_TRUSTED_PROXY_COUNT = env_int("TRUSTED_PROXIES", 0, example=1)
MFA_ADAPTER = "dashboard.accounts.SealedMFAAdapter"
MFA_FORMS = {"add_webauthn": "dashboard.accounts.AddKeyForm"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Voxledger"
# A telephone's clock may be half a minute off.
MFA_TOTP_TOLERANCE = 1
# An address for mail proves nothing here: people come by invitation.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_REQUIRED_ROLES = env_roles("MFA_REQUIRED_ROLES", ROLES)
# Who reads telephone numbers without their middle, and reveals those of a call for a reason.
MASKED_ROLES = env_roles("MASKED_ROLES", ROLES, default="auditor")
REVEAL_MINUTES = env_int("REVEAL_MINUTES", 15, unit="minutes", least=1)
# Shows when a session was last seen; dashboard.middleware.seen notes it.
USERSESSIONS_TRACK_ACTIVITY = True
# Single sign-on with OpenID Connect, where an issuer is named.
OIDC_ISSUER = env_issuer("OIDC_ISSUER")
OIDC_CLIENT_ID = env_text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env_secret("OIDC_CLIENT_SECRET")
OIDC_NAME = env_text("OIDC_NAME", "single sign-on")
OIDC_GROUPS_CLAIM = env_text("OIDC_GROUPS_CLAIM", "groups")
OIDC_ROLE_MAP = env_roles_of_groups("OIDC_ROLE_MAP", ROLES)
if OIDC_ISSUER and not OIDC_CLIENT_ID:
    raise BadSetting("OIDC_CLIENT_ID", "", "OIDC_ISSUER is set; set the client's id too")
if OIDC_ISSUER and not OIDC_CLIENT_SECRET:
    raise BadSetting("OIDC_CLIENT_SECRET", "", "OIDC_ISSUER is set; set the client's secret too")
SOCIALACCOUNT_ADAPTER = "dashboard.single_sign_on.Adapter"
SOCIALACCOUNT_PROVIDERS = single_sign_on(OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_NAME)
# A link, not a form: browsers hold form-action against the provider's own redirects too. What a
# link could be abused for, tying a stranger's account to one's own, asks for the password first.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Database

DATABASES = {
    "default": database(
        env_url(
            "DATABASE_URL",
            f"sqlite:///{DATA_DIR}/voxledger.sqlite3",
            example="postgresql://voxledger:password@localhost:5432/voxledger",
        ),
        env_int("DATABASE_CONN_MAX_AGE", 60, unit="seconds"),
    )
}

# Redis: broker and cache. The cache has a database number of its own, because emptying it
# is one FLUSHDB, which must not take the queues along.

REDIS_URL = env_redis("REDIS_URL", f"{DEMO_VALKEY}/0")
CACHE_URL = env_redis("CACHE_URL", next_database(REDIS_URL))
CACHES = {
    "default": {
        "BACKEND": "dashboard.caching.ForgivingCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "voxledger",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    },
    # In each process, for what every page needs and a way to Redis would be too long for.
    "nearby": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "TIMEOUT": 60,
        "OPTIONS": {"MAX_ENTRIES": 1000},
    },
}

# Celery. State lives in our own rows, so results are thrown away; a message carries ids only.
# A task is acknowledged when it is done: a killed worker's task runs again.

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # An unacknowledged message is delivered again after this; no task and no countdown of
    # ours comes near it.
    "visibility_timeout": 3600,
    "socket_connect_timeout": 5,
    "socket_timeout": 30,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker never gives up on its broker: who would start it again when that is back?
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Told to stop (with REMAP_SIGTERM=SIGQUIT, as in the image), a worker takes nothing new, waits so
# many seconds for what it is at, then lays it down: the row keeps what was done.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = env_int("WORKER_STOP_SECONDS", 20, unit="seconds")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
# `bulk` is for steps that move many bytes, so that they never stand before the short ones.
CELERY_TASK_QUEUES = [Queue("default"), Queue("bulk")]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    f"history.tasks.{name}": {"queue": "bulk"}
    for name in ("download_report", "verify_report", "make_copy")
}
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TIMEZONE = "UTC"
# How often beat looks for reports that stopped moving and deletions that are due, which is also
# how late a report's next step may be before it counts as stopped.
REPORT_SWEEP_SECONDS = env_int("REPORT_SWEEP_SECONDS", 30, unit="seconds", least=1)
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    task.rpartition(".")[2]: {
        "task": f"history.{task}",
        "schedule": seconds,
        # A tick that waited longer than this has its successors behind it.
        "options": {"expires": seconds},
    }
    for task, seconds in (
        ("tasks.sweep", REPORT_SWEEP_SECONDS),
        ("tasks.run_schedules", 60),
        ("tasks.expire_reports", 600),
        ("deletions.tasks.apply_retention", 3600),
        ("trail.prune_trail", 24 * 3600),
    )
}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")

# The remote side: Voximplant's Management API, or the sandbox

VOX_API_URL = env_url(
    "VOX_API_URL", DEMO_SANDBOX, example="https://api.voximplant.com/platform_api"
)
VOX_CREDENTIALS = env_file(
    "VOX_CREDENTIALS",
    DATA_DIR / "sandbox" / "credentials.json" if VOX_API_URL == DEMO_SANDBOX else None,
)
VOX_ACCOUNT_ID = env_int("VOX_ACCOUNT_ID", 0, example=4242)
VOX_API_KEY = env_secret("VOX_API_KEY")
if VOX_ACCOUNT_ID and not VOX_API_KEY:
    raise BadSetting("VOX_API_KEY", "", "VOX_ACCOUNT_ID is set; set its key too")
VOX_TIMEOUT = env_int("VOX_TIMEOUT", 30, unit="seconds", least=1, example=10)
VOX_RETRY_SECONDS = env_int("VOX_RETRY_SECONDS", 10, unit="seconds", least=0, example=5)
VOX_CA_BUNDLE = env_file("VOX_CA_BUNDLE")
# How long answers about closed periods are kept for a second look; 0 keeps none.
VOX_ANSWERS_KEEP_SECONDS = env_int("VOX_ANSWERS_KEEP_SECONDS", 3600, unit="seconds")
# Where recordings, transcripts and logs may be fetched; the API's own host always counts.
VOX_MEDIA_HOSTS = env_list("VOX_MEDIA_HOSTS", "*.voximplant.com")

# Reports

# How many of an account may be at work at once, and requests a second that all workers together
# send for it; pages that people wait for are not held up.
REPORTS_AT_ONCE = env_int("REPORTS_AT_ONCE", 3, least=1)
VOX_REQUESTS_PER_SECOND = env_int("VOX_REQUESTS_PER_SECOND", 10, least=1)
# Pauses between two looks at a report: the first one, and the longest they grow to. Far below
# the broker's visibility timeout, or a waiting message would be delivered twice.
REPORT_POLL_SECONDS = env_int("REPORT_POLL_SECONDS", 2, unit="seconds", least=1)
REPORT_POLL_MOST_SECONDS = 60
# How long to wait for the platform before giving up: a report that never completes, an API that
# never answers.
REPORT_PATIENCE_SECONDS = env_int("REPORT_PATIENCE_SECONDS", 6 * 3600, unit="seconds", least=1)
# A worker that says nothing for so long is taken for dead.
REPORT_LEASE_SECONDS = env_int("REPORT_LEASE_SECONDS", 60, unit="seconds", least=2)
# When the answer to an order is lost: how long the order may still be on its way.
REPORT_SETTLE_SECONDS = env_int("REPORT_SETTLE_SECONDS", 20, unit="seconds")
# After so long a download makes room for others that wait, and goes on later.
REPORT_SLICE_SECONDS = env_int("REPORT_SLICE_SECONDS", 60, unit="seconds", least=1)
REPORT_KEEP_DAYS = env_int("REPORT_KEEP_DAYS", 180, unit="days", least=1)
REPORT_MAX_ROWS = env_int("REPORT_MAX_ROWS", 20_000_000, unit="rows", least=1)
# Left free on the disk of DATA_DIR, whatever arrives.
REPORTS_SPARE_BYTES = 64 * 1024 * 1024
REPORTS_PARTIAL_DIR = DATA_DIR / "reports-partial"
# Stored files go to DATA_DIR, or to a bucket when one is named.
REPORTS_BUCKET = env_text("REPORTS_BUCKET")
REPORTS_BUCKET_ENDPOINT = env_text("REPORTS_BUCKET_ENDPOINT")

# The trail, and deletions

# How long it is kept who did what.
TRAIL_KEEP_DAYS = env_int("TRAIL_KEEP_DAYS", 3 * 365, unit="days", least=30)
# Between the order to delete recordings and the first that goes: the time to think again.
DELETION_DELAY_MINUTES = env_int("DELETION_DELAY_MINUTES", 10, unit="minutes")
# A second person must agree.
DELETION_NEEDS_APPROVAL = env_bool("DELETION_NEEDS_APPROVAL", default=False)

# How often one person may ask for what costs much; history/rates.py says what each is.
RATE_LIMITS = env_rates(
    "RATE_LIMITS",
    {
        "scans": "60/minute",
        "numbers": "120/hour",
        "counts": "120/minute",
        "charges": "120/minute",
        "recordings": "600/minute",
        "downloads": "60/minute",
        "peaks": "120/minute",
        "previews": "60/minute",
        "exports": "60/hour",
        "reveals": "20/hour",
    },
)

# Static files

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "reports": report_storage(DATA_DIR / "reports", REPORTS_BUCKET, REPORTS_BUCKET_ENDPOINT),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Languages and time

USE_TZ = True
TIME_ZONE = env_zone("TIME_ZONE", "UTC")
USE_I18N = True
LANGUAGE_CODE = env_choice("DEFAULT_LANGUAGE", "en", ("en", "ru", "es"))
LANGUAGES = [("en", "English"), ("ru", "Russian"), ("es", "Spanish")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "dashboard.formats"

# Metrics: who may read them. Without either nobody may.

METRICS_TOKEN = env_secret("METRICS_TOKEN")
METRICS_NETWORKS = env_networks("METRICS_NETWORKS")
# Where a worker answers for its metrics; 0 means nowhere.
METRICS_PORT = env_int("METRICS_PORT", 0, least=1, example=9808)

# Where errors and traces go, if anywhere (dashboard/observers.py). Both have packages of their own.

SENTRY_DSN = env_url_with(
    "SENTRY_DSN", example="https://key@sentry.example.com/1", package="sentry_sdk"
)
SENTRY_ENVIRONMENT = env_text("SENTRY_ENVIRONMENT", "production")
OTEL_EXPORTER_OTLP_ENDPOINT = env_url_with(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    example="http://collector:4318",
    package="opentelemetry.exporter.otlp.proto.http",
)

# Log: one event a line. Paths are logged without their query, since filters hold numbers.

LOG_LEVEL = env_choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env_choice("LOG_FORMAT", "line" if DEBUG else "json", ("json", "line"))
LOGGING = logging_config(LOG_FORMAT, LOG_LEVEL)
