"""Every knob, read once from the environment; what the house has decided becomes one frozen Policy."""

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import dj_database_url
from environs import Env, EnvError

from filsluss.rules.addresses import AddressRefused, read_address
from filsluss.rules.figures import parse_size
from filsluss.rules.networks import parse_networks
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import keys_for


class SettingUnreadable(Exception):
    """A setting is missing, unknown or cannot be read; the text is one line that names it."""


PREFIX = "FILSLUSS_"
SECRETS = {"SMTP_URL", "DATABASE_URL", "SECRET_KEY", "SECRET_KEY_OLD", "S3_ACCESS_KEY", "S3_SECRET_KEY"}
REQUIRED = ("BASE_URL", "ORGANISATION", "INSIDE_DOMAINS", "SMTP_URL", "MAIL_FROM")
OPTIONAL = {
    "ACCENT", "ACCEL", "ADMIN_EMAIL", "AUDIT_DAYS", "BLOB_URL", "CLAMD", "DATABASE_URL", "DATA_DIR",
    "DECISION_DAYS", "DEFAULT_DAYS", "FORGET_DAYS", "FREE_SPACE", "INSIDE_NETWORKS", "LANGUAGE", "LOGO",
    "MAX_DAYS", "MAX_FILE_SIZE", "MAX_TRANSFER_SIZE", "METRICS_NETWORKS", "S3_ACCESS_KEY", "S3_SECRET_KEY",
    "SECRET_KEY", "SECRET_KEY_OLD", "SUPPORT_EMAIL", "THREADS", "TIME_ZONE", "TRUSTED_PROXIES",
    "WEB_PROCESSES",
}  # fmt: skip
DEMO_NAME = "DEMO"  # set by `filsluss demo` for its children only
NOT_BUILT = ("ACCENT", "ACCEL", "ADMIN_EMAIL", "CLAMD", "LOGO", "METRICS_NETWORKS", "S3_ACCESS_KEY",
             "S3_SECRET_KEY")  # fmt: skip

env = Env()


def known_names() -> set[str]:
    plain = {*REQUIRED, *OPTIONAL, DEMO_NAME}
    return plain | {f"{name}_FILE" for name in SECRETS}


def refuse_unknown() -> None:
    for name in os.environ:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in known_names():
            raise SettingUnreadable(f"{name} is not a setting of Filsluss")
    for name in NOT_BUILT:
        if os.environ.get(PREFIX + name):
            raise SettingUnreadable(f"{PREFIX}{name}: the part it belongs to is not built yet; remove it")


def text(name: str, default: str = "") -> str:
    """The setting's text, or that of the file NAME_FILE points to for a secret."""
    path = os.environ.get(f"{PREFIX}{name}_FILE") if name in SECRETS else None
    if path is None:
        return env.str(PREFIX + name, default).strip()
    try:
        return Path(path).read_text().strip()
    except OSError as fault:
        raise SettingUnreadable(f"{PREFIX}{name}_FILE: cannot read {path}: {fault.strerror}") from None


def required(name: str) -> str:
    value = text(name)
    if not value:
        raise SettingUnreadable(f"{PREFIX}{name} is missing")
    return value


def read(name: str, how: Any, default: str) -> Any:
    """The setting through `how`, or one line that says which could not be read and why."""
    value = text(name, default) or default
    try:
        return how(value)
    except (ValueError, EnvError, KeyError, OSError) as fault:
        raise SettingUnreadable(f"{PREFIX}{name}: cannot read {value!r}: {fault}") from None


def whole(minimum: int, maximum: int) -> Any:
    def number(value: str) -> int:
        if not minimum <= int(value) <= maximum:
            raise ValueError(f"must be {minimum} to {maximum}")
        return int(value)

    return number


def percent(value: str) -> float:
    number = float(value.removesuffix("%"))
    if not value.endswith("%") or not 0 <= number < 100:
        raise ValueError("must be a percentage like 5%")
    return number


def comma_list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def domains(value: str) -> tuple[str, ...]:
    found = tuple(part.lower() for part in comma_list(value))
    for domain in found:
        read_address("x@" + domain.removeprefix("."))
    if not found:
        raise ValueError("names no domain")
    return found


def site(value: str) -> str:
    parts = urlsplit(value)
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not parts.hostname or not bare:
        raise ValueError("must be scheme and host, like https://fts.example.se")
    return f"{parts.scheme}://{parts.netloc}"


def language(value: str) -> str:
    if value not in ("sv", "en"):
        raise ValueError("must be sv or en")
    return value


def zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError("is not a time zone of the tz database") from None


def address(value: str) -> str:
    try:
        return read_address(value) if value else ""
    except AddressRefused:
        raise ValueError("is not an email address") from None


def secret_key(data_dir: Path) -> str:
    """The installation's secret: given, or made once with 384 random bits and kept at 0600."""
    if given := text("SECRET_KEY"):
        return given
    path = data_dir / "secret_key"
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    return path.read_text().strip()


def data_folder(value: str) -> Path:
    folder = Path(value).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def database(url: str, data_dir: Path) -> dict[str, Any]:
    """SQLite that keeps what it has committed through a power cut, or the PostgreSQL of the URL."""
    if url:
        if urlsplit(url).scheme not in ("postgresql", "postgres"):
            raise ValueError("must begin with postgresql://")
        return dict(dj_database_url.parse(url, conn_max_age=0))
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(data_dir / "filsluss.sqlite3"),
        "OPTIONS": options,
        "TEST": {"NAME": str(data_dir / "test.sqlite3")},
    }


def smtp(url: str) -> dict[str, Any]:
    """Django's mail settings from smtp://, smtps:// or smtp+starttls://user:pass@host:port."""
    parts = urlsplit(url)
    ports = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
    if parts.scheme not in ports or not parts.hostname:
        raise ValueError("must be smtp://, smtps:// or smtp+starttls:// and a host")
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
    }


def blob_url(value: str) -> str:
    if not value.startswith("file:///"):
        raise ValueError("only file:// stores are built yet")
    return value


refuse_unknown()
DEMO = bool(text(DEMO_NAME))
DATA_DIR = read("DATA_DIR", data_folder, "./data")
SECRET_KEY = secret_key(DATA_DIR)
_all_secrets = (SECRET_KEY, *comma_list(text("SECRET_KEY_OLD")))
SECRET_KEY_FALLBACKS = list(_all_secrets[1:])
for _name in REQUIRED:
    required(_name)

POLICY = Policy(
    base_url=read("BASE_URL", site, ""),
    organisation=required("ORGANISATION"),
    inside_domains=read("INSIDE_DOMAINS", domains, ""),
    link_keys=keys_for("link", _all_secrets),
    code_keys=keys_for("code", _all_secrets),
    mail_from=read("MAIL_FROM", address, ""),
    inside_networks=read("INSIDE_NETWORKS", lambda value: parse_networks(comma_list(value)), ""),
    trusted_proxies=read("TRUSTED_PROXIES", lambda value: parse_networks(comma_list(value)), ""),
    max_file_size=read("MAX_FILE_SIZE", parse_size, "2GiB"),
    max_transfer_size=read("MAX_TRANSFER_SIZE", parse_size, "50GiB"),
    max_days=read("MAX_DAYS", whole(1, 3650), "30"),
    default_days=read("DEFAULT_DAYS", whole(1, 3650), "7"),
    decision_days=read("DECISION_DAYS", whole(1, 365), "7"),
    forget_days=read("FORGET_DAYS", whole(0, 3650), "30"),
    audit_days=read("AUDIT_DAYS", whole(1, 36500), "365"),
    free_space_percent=read("FREE_SPACE", percent, "5%"),
    time_zone=read("TIME_ZONE", zone, "Europe/Stockholm"),
    language=read("LANGUAGE", language, "sv"),
    support_email=read("SUPPORT_EMAIL", address, ""),
)
if POLICY.default_days > POLICY.max_days:
    raise SettingUnreadable(f"{PREFIX}DEFAULT_DAYS is more than {PREFIX}MAX_DAYS")
BLOB_URL = read("BLOB_URL", blob_url, (DATA_DIR / "blobs").as_uri())
THREADS = read("THREADS", whole(2, 2000), "300")
WEB_PROCESSES = read("WEB_PROCESSES", whole(1, 64), "1")

DEBUG = False
ALLOWED_HOSTS = ["*"]  # the front door has already asked; see wsgi.py
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
    "filsluss.pages.manners.OriginMiddleware",
    "filsluss.pages.manners.LanguageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "filsluss.pages.manners.OverseeCsrfMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "filsluss.pages.manners.house",
            ]
        },
    }
]
DATABASES = {"default": read("DATABASE_URL", lambda url: database(url, DATA_DIR), "")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/oversee/sign-in"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/oversee"
SESSION_COOKIE_AGE = int(timedelta(hours=8).total_seconds())
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = POLICY.base_url.startswith("https:")
CSRF_TRUSTED_ORIGINS = [POLICY.base_url]

USE_TZ = True
TIME_ZONE = str(POLICY.time_zone)
USE_I18N = True
LANGUAGE_CODE = POLICY.language
LANGUAGES = [("sv", "Svenska"), ("en", "English")]
LOCALE_PATHS = [str(Path(__file__).parent / "locale")]

STATIC_URL = "/static/"
STATIC_ROOT = str(DATA_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
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
    globals().update(read("SMTP_URL", smtp, ""))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "filsluss": {"level": "INFO"},
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "django.request": {"level": "ERROR"},
    },
}
