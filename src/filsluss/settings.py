"""Django's settings, made of those of the table (`conf/`); the installation's own rules become POLICY."""

from hashlib import sha256
from pathlib import Path

from filsluss import languages
from filsluss.conf.bucket_keys import BucketKeys
from filsluss.conf.databases import sqlite
from filsluss.conf.names import Name
from filsluss.conf.nodes import digests
from filsluss.conf.reading import bucket_keys, read_all
from filsluss.conf.sign_in_table import provider
from filsluss.conf.table import TABLE
from filsluss.rules import paths
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import keys_for

VALUES = read_all()
DEMO = VALUES[Name.DEMO]
DATA_DIR = VALUES[Name.DATA_DIR]
SECRET_KEY = VALUES[Name.SECRET_KEY]
_all_secrets = (SECRET_KEY, *VALUES[Name.SECRET_KEY_OLD])
SECRET_KEY_FALLBACKS = list(_all_secrets[1:])
KEY_FINGERPRINTS = [sha256(key).hexdigest()[:32] for key in keys_for("fingerprint", _all_secrets)]
_uses = ("letter", "pickup-code", "second-factor", "sign-in")
ENCRYPTION_KEYS = {use: keys_for(use, _all_secrets) for use in _uses}

POLICY = Policy(
    link_keys=keys_for("link", _all_secrets),
    code_keys=keys_for("code", _all_secrets),
    **{row.policy: VALUES[row.name] for row in TABLE if row.policy},
)
BLOB_URL = VALUES[Name.BLOB_URL]
S3_KEYS = BucketKeys((VALUES[Name.S3_ACCESS_KEY], VALUES[Name.S3_SECRET_KEY]), read=bucket_keys)
NODE = VALUES[Name.NODE]
NODE_SETTINGS = digests(TABLE, VALUES, key=keys_for("node-settings", _all_secrets)[0])
ACCEL = VALUES[Name.ACCEL]
SCANNER = VALUES[Name.CLAMD]
IDENTITY_PROVIDER = provider(VALUES)
MAIL_CONNECTIONS = VALUES[Name.MAIL_CONNECTIONS]
SMTP_HELO = VALUES[Name.SMTP_HELO]
METRICS_NETWORKS = VALUES[Name.METRICS_NETWORKS]
LOG_FORM = VALUES[Name.LOG]
THREADS = VALUES[Name.THREADS]
WEB_PROCESSES = VALUES[Name.WEB_PROCESSES]

DEBUG = False
ALLOWED_HOSTS = ["*"]  # wsgi.py checks the host, for byte paths too
ROOT_URLCONF = "filsluss.urls"
INSTALLED_APPS = [
    "filsluss",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # adds random bytes against BREACH
    "filsluss.pages.middleware.OriginMiddleware",
    "filsluss.pages.middleware.LanguageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "filsluss.pages.middleware.OverseeCsrfMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "filsluss.pages.middleware.StaffSessionMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["filsluss.pages.filters"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "filsluss.pages.context.site_context",
            ],
        },
    }
]
DATABASE_DIRECT = VALUES[Name.DATABASE_DIRECT_URL] or {}
DATABASES = {"default": VALUES[Name.DATABASE_URL] or sqlite(DATA_DIR)}
if DATABASE_DIRECT:  # the other one leads to a pooler, which may give each transaction another session
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = paths.SIGN_IN
SESSION_COOKIE_AGE = int(POLICY.session_lasts.total_seconds())
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = POLICY.base_url.startswith("https:")
if SESSION_COOKIE_SECURE:  # browsers tie a __Host- cookie to this host; it must have the path /
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
CSRF_TRUSTED_ORIGINS = [POLICY.base_url]

USE_TZ = True
TIME_ZONE = str(POLICY.time_zone)
USE_I18N = True
LANGUAGE_CODE = POLICY.language
LANGUAGES = [(code, each.name) for code, each in languages.LANGUAGES.items()]
LOCALE_PATHS = [str(languages.CATALOGUES)]

STATIC_URL = paths.STATIC.path("")
WHITENOISE_ALLOW_ALL_ORIGINS = False
STATIC_ROOT = str(Path(__file__).parent / "laid_out" / "static")  # static_layout.py
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024  # as streams/body.py reads
DATA_UPLOAD_MAX_NUMBER_FIELDS = 50
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FILES = 0

EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = POLICY.mail_from
MAIL_DIR = DATA_DIR / "mail"
if DEMO:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(MAIL_DIR)
else:
    globals().update(VALUES[Name.SMTP_URL])

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "filsluss.logs.formatter", "form": LOG_FORM}},
    "filters": {"told": {"()": "filsluss.logs.AlreadyTold"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "filsluss": {"level": "INFO"},
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "psycopg.pool": {"level": "ERROR"},  # outages.py tells of an outage, once
        "django.request": {"level": "ERROR", "filters": ["told"]},
        "django.security": {"level": "CRITICAL"},  # any client can cause these, and gets a response
    },
}
