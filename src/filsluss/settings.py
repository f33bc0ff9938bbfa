"""Django's settings, read once from FILSLUSS_ variables; the installation's own rules become POLICY."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from filsluss import config_file, env
from filsluss.env import read, required, text
from filsluss.rules.policy import Policy
from filsluss.rules.setting_values import comma_list, integer, name, networks, percent, size
from filsluss.rules.tokens import keys_for

MIB, PIB = 1 << 20, 1 << 50

config_file.load()
env.refuse_unknown()
for _name in env.REQUIRED:
    required(_name)
DEMO = bool(text(env.DEMO_NAME))
DATA_DIR = read("DATA_DIR", env.data_folder, config_file.data_folder())
SECRET_KEY = env.secret_key(DATA_DIR)
_all_secrets = (SECRET_KEY, *read("SECRET_KEY_OLD", comma_list, ""))
SECRET_KEY_FALLBACKS = list(_all_secrets[1:])
KEY_FINGERPRINTS = [sha256(key).hexdigest()[:32] for key in keys_for("fingerprint", _all_secrets)]
ENCRYPTION_KEYS = {use: keys_for(use, _all_secrets) for use in ("letter", "pickup-code")}

_max_size = read("MAX_TRANSFER_SIZE", size(MIB, PIB), "50GiB")
_max_days = read("MAX_DAYS", integer(1, 3650), "30")
_limit = integer(1, 1_000_000)
POLICY = Policy(
    base_url=read("BASE_URL", env.site, ""),
    organisation=read("ORGANISATION", name, ""),
    inside_domains=read("INSIDE_DOMAINS", env.domains, ""),
    link_keys=keys_for("link", _all_secrets),
    code_keys=keys_for("code", _all_secrets),
    mail_from=read("MAIL_FROM", env.address, ""),
    inside_networks=read("INSIDE_NETWORKS", networks, ""),
    trusted_proxies=read("TRUSTED_PROXIES", networks, ""),
    max_file_size=read("MAX_FILE_SIZE", size(MIB, PIB), str(min(2048 * MIB, _max_size))),
    max_transfer_size=_max_size,
    max_days=_max_days,
    default_days=read("DEFAULT_DAYS", integer(1, 3650), str(min(7, _max_days))),
    decision_days=read("DECISION_DAYS", integer(1, 365), "7"),
    forget_days=read("FORGET_DAYS", integer(0, 3650), "30"),
    audit_days=read("AUDIT_DAYS", integer(1, 36500), "365"),
    security_log_days=read("SECURITY_LOG_DAYS", integer(1, 3650), "90"),
    free_space_percent=read("FREE_SPACE", percent, "5%"),
    applications_per_hour=read("APPLICATIONS_PER_HOUR", _limit, "5"),
    letters_per_day=read("LETTERS_PER_DAY", _limit, "20"),
    list_interval=timedelta(minutes=read("LIST_MINUTES", integer(1, 1440), "240")),
    outbound_per_day=read("OUTBOUND_PER_DAY", _limit, "20"),
    reports_per_day=read("REPORTS_PER_DAY", _limit, "5"),
    feedback_per_day=read("FEEDBACK_PER_DAY", _limit, "20"),
    wrong_codes=read("WRONG_CODES", _limit, "4"),
    time_zone=read("TIME_ZONE", env.zone, "Europe/Stockholm"),
    language=read("LANGUAGE", env.language, "sv"),
    support_email=read("SUPPORT_EMAIL", env.address, ""),
    admin_emails=read("ADMIN_EMAIL", env.addresses, ""),
    accent=read("ACCENT", env.accent, ""),
    logo=read("LOGO", env.logo, ""),
)
if POLICY.max_transfer_size < POLICY.max_file_size:
    raise env.SettingUnreadable("FILSLUSS_MAX_TRANSFER_SIZE is less than FILSLUSS_MAX_FILE_SIZE")
if POLICY.default_days > POLICY.max_days:
    raise env.SettingUnreadable("FILSLUSS_DEFAULT_DAYS is more than FILSLUSS_MAX_DAYS")
BLOB_URL = read("BLOB_URL", env.blob_url, (DATA_DIR / "blobs").as_uri())
ACCEL = read("ACCEL", env.accel, "")
if ACCEL and not BLOB_URL.startswith("file:"):
    raise env.SettingUnreadable("FILSLUSS_ACCEL: the proxy can send files only from a file:// store")
SCANNER = read("CLAMD", env.scanner, "")
MAIL_CONNECTIONS = read("MAIL_CONNECTIONS", integer(1, 32), "4")
SMTP_HELO = read("SMTP_HELO", env.helo_name, "")
METRICS_NETWORKS = read("METRICS_NETWORKS", networks, "")
THREADS = read("THREADS", integer(2, 2000), "1000")
WEB_PROCESSES = read("WEB_PROCESSES", integer(1, 64), "1")

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
    "filsluss.pages.middleware.DatabaseErrorMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "filsluss.pages.context.site_context",
            ]
        },
    }
]
DATABASES = {"default": read("DATABASE_URL", lambda url: env.database(url, DATA_DIR), "")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/oversee/sign-in"
SESSION_COOKIE_AGE = int(timedelta(hours=8).total_seconds())
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = POLICY.base_url.startswith("https:")
if SESSION_COOKIE_SECURE:  # browsers tie a __Host- cookie to this host; it must have the path /
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
else:
    SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/oversee"
CSRF_TRUSTED_ORIGINS = [POLICY.base_url]

USE_TZ = True
TIME_ZONE = str(POLICY.time_zone)
USE_I18N = True
LANGUAGE_CODE = POLICY.language
LANGUAGES = [("sv", "Svenska"), ("en", "English")]
LOCALE_PATHS = [str(Path(__file__).parent / "locale")]

STATIC_URL = "/static/"
WHITENOISE_ALLOW_ALL_ORIGINS = False
STATIC_ROOT = str(DATA_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "filsluss.pages.static_storage.MinifiedStaticFilesStorage"},
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
    globals().update(read("SMTP_URL", env.smtp, ""))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "filsluss.logs.LineFormatter"}},
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
