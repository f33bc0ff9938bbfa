"""Reading a setting from the environment or a file; what cannot be read raises one line that names it."""

import contextlib
import os
import re
import secrets
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import dj_database_url

from filsluss.config_file import SettingUnreadable as SettingUnreadable
from filsluss.config_file import read_bounded
from filsluss.postgresql import POOL
from filsluss.rules.addresses import AddressRefused, read_address
from filsluss.rules.contrast import read_colour
from filsluss.rules.hosts import normal_url
from filsluss.rules.logo import MAX_BYTES as LOGO_MAX
from filsluss.rules.logo import Logo, read_logo
from filsluss.rules.setting_values import comma_list
from filsluss.scanners.clamd import Clamd

PREFIX = "FILSLUSS_"
SECRETS = {"SMTP_URL", "DATABASE_URL", "SECRET_KEY", "SECRET_KEY_OLD", "S3_ACCESS_KEY", "S3_SECRET_KEY"}
REQUIRED = ("BASE_URL", "ORGANISATION", "INSIDE_DOMAINS", "SMTP_URL", "MAIL_FROM")
OPTIONAL = set(
    """
    ACCEL ACCENT ADMIN_EMAIL APPLICATIONS_PER_HOUR AUDIT_DAYS BLOB_URL CLAMD DATABASE_URL DATA_DIR
    DECISION_DAYS DEFAULT_DAYS FEEDBACK_PER_DAY FORGET_DAYS FREE_SPACE INSIDE_NETWORKS LANGUAGE
    LETTERS_PER_DAY LIST_MINUTES LOGO MAIL_CONNECTIONS MAX_DAYS MAX_FILE_SIZE MAX_TRANSFER_SIZE
    METRICS_NETWORKS OUTBOUND_PER_DAY REPORTS_PER_DAY S3_ACCESS_KEY S3_SECRET_KEY SECRET_KEY
    SECRET_KEY_OLD SECURITY_LOG_DAYS SMTP_HELO SUPPORT_EMAIL THREADS TIME_ZONE TRUSTED_PROXIES
    WEB_PROCESSES WRONG_CODES
    """.split()
)
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)
DEMO_NAME = "DEMO"  # set by `filsluss demo`, for its children only
NEVER_EMPTY = {"SECRET_KEY", "SECRET_KEY_OLD", "DATABASE_URL", "DATA_DIR"}
"""An empty one would be another installation, in silence."""
NOT_BUILT = ("S3_ACCESS_KEY", "S3_SECRET_KEY")


def known_names() -> set[str]:
    plain = {*REQUIRED, *OPTIONAL, DEMO_NAME, "CONFIG"}
    return plain | {f"{name}_FILE" for name in SECRETS}


def refuse_unknown() -> None:
    for name in os.environ:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in known_names():
            raise SettingUnreadable(f"{name} is not a setting of Filsluss")
    for name in NOT_BUILT:
        if os.environ.get(PREFIX + name):
            raise SettingUnreadable(f"{PREFIX}{name}: the part it belongs to is not built yet; remove it")


def text(name: str, default: str = "") -> str:
    """The setting's text; a secret's may be in the file that NAME_FILE points to, and is never empty."""
    path = os.environ.get(f"{PREFIX}{name}_FILE") if name in SECRETS else None
    if path is None:
        value = os.environ.get(PREFIX + name, default).strip()
        if not value and PREFIX + name in os.environ and name in NEVER_EMPTY:
            raise SettingUnreadable(f"{PREFIX}{name} is empty: give it a value, or remove it")
        return value
    if PREFIX + name in os.environ:
        raise SettingUnreadable(f"{PREFIX}{name} and {PREFIX}{name}_FILE are both set: remove one")
    try:
        value = read_bounded(Path(path)).strip()
    except (OSError, ValueError) as fault:
        raise SettingUnreadable(f"{PREFIX}{name}_FILE: cannot read {path!r}: {fault}") from None
    if not value:
        raise SettingUnreadable(f"{PREFIX}{name}_FILE: {path!r} is empty; restore what it held")
    return value


def required(name: str) -> str:
    value = text(name)
    if not value:
        raise SettingUnreadable(f"{PREFIX}{name} is missing")
    return value


def read(name: str, parse: Callable[[str], Any], default: str) -> Any:
    """The setting as `parse` returns it; a ValueError or OSError of `parse` becomes SettingUnreadable."""
    value = text(name, default) or default
    try:
        return parse(value)
    except (ValueError, OSError) as fault:
        shown = "its value" if name in SECRETS or len(value) > 100 else repr(value)
        raise SettingUnreadable(f"{PREFIX}{name}: cannot read {shown}: {shortened(fault)}") from None


def shortened(fault: Exception, longest: int = 200) -> str:
    text = str(fault)
    return text if len(text) <= longest else f"… {text[-longest:]}"


def addresses(value: str) -> tuple[str, ...]:
    return tuple(address(each) for each in comma_list(value))


def scanner(value: str) -> Clamd | None:
    return Clamd.at(value) if value else None


def domains(value: str) -> tuple[str, ...]:
    """Domains in lower case, other letters than a-z as A-labels; a leading dot stays."""
    return tuple("." * part.startswith(".") + _domain(part.removeprefix(".")) for part in comma_list(value))


def _domain(name: str) -> str:
    try:
        return read_address(f"x@{name}").partition("@")[2]
    except AddressRefused:
        raise ValueError(f"{name!r} is not a domain such as region.example") from None


def site(value: str) -> str:
    parts = urlsplit(value)
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    ascii_host = re.fullmatch(r"[a-z0-9.:\[\]-]+", parts.netloc.lower())  # IDNA in ASCII, as browsers send it
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not bare
        or not ascii_host
        or parts.port == 0
    ):
        raise ValueError("must be scheme and host, like https://fts.example.se")
    return normal_url(parts.scheme, parts.netloc)


def language(value: str) -> str:
    if value not in ("sv", "en"):
        raise ValueError("must be sv or en")
    return value


def zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError("is not in this machine's tz database (apt-get install tzdata)") from None


def address(value: str) -> str:
    try:
        return read_address(value) if value else ""
    except AddressRefused:
        raise ValueError("is not an email address") from None


def secret_key(data_dir: Path) -> str:
    """The installation's secret: FILSLUSS_SECRET_KEY, or a file with 384 random bits made at first use."""
    if key := text("SECRET_KEY"):
        return key
    path = data_dir / "secret_key"
    try:
        if not path.exists():
            _make_secret(path)
        key = path.read_text().strip()
    except (OSError, ValueError) as fault:
        raise SettingUnreadable(
            f"{PREFIX}DATA_DIR: cannot create or read the secret key {path}: {fault}"
        ) from None
    if not key:
        raise SettingUnreadable(
            f"{PREFIX}DATA_DIR: {path} is empty; restore it, as links and codes depend on it"
        )
    return key


def _make_secret(path: Path) -> None:
    """Creates the file atomically, and never replaces one: links made with another key do not open."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def data_folder(value: str) -> Path:
    """The folder as an absolute path, created with mode 0700; see `lock_down` for one that exists."""
    folder = Path(value).absolute()
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def lock_down(folder: Path) -> None:
    """Makes the folder accessible to its owner only; raises SettingUnreadable if we do not own it."""
    try:
        folder.chmod(0o700)
    except OSError as fault:
        raise SettingUnreadable(
            f"{PREFIX}DATA_DIR: cannot be made accessible to its owner only: {fault}"
        ) from None


def database(url: str, data_dir: Path) -> dict[str, Any]:
    """Django's settings of SQLite, durable through a power cut, or of the PostgreSQL of the URL."""
    if url:
        if urlsplit(url).scheme not in ("postgresql", "postgres"):
            raise ValueError("must begin with postgresql://")
        return postgresql(url)
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
        "PRAGMA secure_delete=ON;",
    }
    return {
        "ENGINE": "filsluss.sqlite",
        "NAME": str(data_dir / "filsluss.sqlite3"),
        "OPTIONS": options,
        "TEST": {"NAME": str(data_dir / "test.sqlite3")},
    }


def postgresql(url: str) -> dict[str, Any]:
    """Django's settings of it. The parser's own error is not shown: it may contain a part of the password."""
    try:
        database = dict(dj_database_url.parse(url, engine="filsluss.postgresql", conn_max_age=0))
    except ValueError:
        raise ValueError(
            "must be postgresql://user:password@host/name; / : @ in a password as %2F …"
        ) from None
    if not database["NAME"]:
        raise ValueError("names no database: postgresql://host/name")
    options: Any = database.get("OPTIONS", {})
    return {**database, "OPTIONS": {**options, "pool": POOL}}


def smtp(url: str) -> dict[str, Any]:
    """Django's mail settings from smtp://, smtps:// or smtp+starttls://user:pass@host:port."""
    ports = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    whole = not (parts.path.strip("/") or parts.query or parts.fragment) and port != 0
    if not host or not HOST.fullmatch(host) or parts.scheme not in ports or not whole:
        raise ValueError(
            "must be smtp://, smtps:// or smtp+starttls:// and host:port; / : @ in a password as %2F …"
        )
    return {
        "EMAIL_HOST": host,
        "EMAIL_PORT": port or ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
    }


def helo_name(value: str) -> str:
    """A full name or an address in brackets, as EHLO takes it (RFC 5321, 4.1.3); empty for the default."""
    literal = re.fullmatch(r"\[(IPv6:)?([0-9A-Fa-f.:]+)\]", value)
    if literal and ip_address(literal[2]).version == (6 if literal[1] else 4):
        return value
    label = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    if value and (len(value) > 253 or not re.fullmatch(rf"({label}\.)+(?=[A-Za-z]){label}", value)):
        raise ValueError("must be a full name such as fts.example.se, or an address such as [192.0.2.1]")
    return value


def blob_url(value: str) -> str:
    if not value.startswith("file:///"):
        raise ValueError("must begin with file:///")
    return value


def accel(value: str) -> str:
    if value not in ("", "nginx"):
        raise ValueError("must be nginx, or empty")
    return value


def accent(value: str) -> str:
    return read_colour(value) if value else ""


def logo(value: str) -> Logo | None:
    if not value:
        return None
    with open(value, "rb") as file:
        return read_logo(file.read(LOGO_MAX + 1))
