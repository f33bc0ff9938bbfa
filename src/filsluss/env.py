"""How a setting is read: from the environment or a file, or one line that says what is wrong with it."""

import contextlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import dj_database_url

from filsluss.rules.addresses import AddressRefused, read_address
from filsluss.rules.contrast import read_colour
from filsluss.rules.logo import Logo, read_logo
from filsluss.rules.networks import Network, parse_networks
from filsluss.scanners.clamd import Clamd


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
NOT_BUILT = ("S3_ACCESS_KEY", "S3_SECRET_KEY")


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
        return os.environ.get(PREFIX + name, default).strip()
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError) as fault:
        raise SettingUnreadable(f"{PREFIX}{name}_FILE: cannot read {path!r}: {fault}") from None


def required(name: str) -> str:
    value = text(name)
    if not value:
        raise SettingUnreadable(f"{PREFIX}{name} is missing")
    return value


def read(name: str, how: Callable[[str], Any], default: str) -> Any:
    """The setting through `how`, or one line that says which could not be read and why."""
    value = text(name, default) or default
    try:
        return how(value)
    except (ValueError, OSError) as fault:
        shown = "its value" if name in SECRETS else repr(value)
        raise SettingUnreadable(f"{PREFIX}{name}: cannot read {shown}: {fault}") from None


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
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


def addresses(value: str) -> tuple[str, ...]:
    return tuple(address(each) for each in comma_list(value))


def scanner(value: str) -> Clamd | None:
    return Clamd.at(value) if value else None


def networks(value: str) -> tuple[Network, ...]:
    return parse_networks(comma_list(value))


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
    spoken = re.fullmatch(r"[a-z0-9.:\[\]-]+", parts.netloc.lower())  # IDNA's ASCII, as browsers send it
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not bare
        or not spoken
        or parts.port == 0
    ):
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
        if not path.exists():
            _make_secret(path)
        key = path.read_text().strip()
    except (OSError, ValueError) as fault:
        raise SettingUnreadable(f"{PREFIX}DATA_DIR: cannot keep the secret key in {path}: {fault}") from None
    if not key:
        raise SettingUnreadable(f"{PREFIX}DATA_DIR: {path} is empty; bring back the one that made the links")
    return key


def _make_secret(path: Path) -> None:
    """Whole or not at all, and only by whoever is first: links made with another one would be dead."""
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
    """Made for us alone; that it still is, is seen to when the house starts and told by `filsluss check`."""
    folder = Path(value).absolute()
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def lock_down(folder: Path) -> None:
    """Nobody else on this machine may look in; raises SettingUnreadable if the folder is not ours to shut."""
    try:
        folder.chmod(0o700)
    except OSError as fault:
        raise SettingUnreadable(f"{PREFIX}DATA_DIR: cannot be shut to others: {fault}") from None


def database(url: str, data_dir: Path) -> dict[str, Any]:
    """SQLite that keeps what it has committed through a power cut, or the PostgreSQL of the URL."""
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
    """Django's settings for it; what a fault says of an address could be a part of the password."""
    try:
        found = dict(dj_database_url.parse(url, conn_max_age=0))
    except ValueError:
        raise ValueError(
            "must be postgresql://user:password@host/name; / : @ in a password as %2F …"
        ) from None
    if not found["NAME"]:
        raise ValueError("names no database: postgresql://host/name")
    return found


def smtp(url: str) -> dict[str, Any]:
    """Django's mail settings from smtp://, smtps:// or smtp+starttls://user:pass@host:port."""
    ports = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in ports or parts.path.strip("/") or parts.query or parts.fragment:
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


def blob_url(value: str) -> str:
    if not value.startswith("file:///"):
        raise ValueError("only file:// stores are built yet")
    return value


def accel(value: str) -> str:
    if value not in ("", "nginx"):
        raise ValueError("must be nginx, or empty")
    return value


def accent(value: str) -> str:
    return read_colour(value) if value else ""


def logo(value: str) -> Logo | None:
    return read_logo(Path(value).read_bytes()) if value else None
