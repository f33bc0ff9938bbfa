"""`filsluss check`: every part the house rests on, one line each, and how to mend what is wrong."""

import os
import secrets
import smtplib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.mail import get_connection
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from filsluss.actions import upload_probe
from filsluss.blobs import open_store
from filsluss.models import Heartbeat
from filsluss.rules.contrast import dark_shades, light_shades, was_darkened
from filsluss.rules.tokens import draw_upload_id
from filsluss.scanners.clamd import EICAR, LARGEST, LOOKED_AT, Clamd, NotScanned
from filsluss.streams.upload_probe import NoWayThrough, Probe

LEAST_KEPT = 0.8


class Wrong(Exception):
    """What is wrong with one part, and how to mend it, in one line."""


@dataclass(frozen=True)
class Finding:
    """One line of the answer."""

    part: str
    is_well: bool
    text: str

    def __str__(self) -> str:
        return f"{'OK   ' if self.is_well else 'WRONG'} {self.part}: {self.text}"


def check_settings() -> str:
    policy = settings.POLICY
    if policy.base_url.startswith("http://") and not settings.DEMO and "localhost" not in policy.base_url:
        raise Wrong("FILSLUSS_BASE_URL is http: links and files travel in the clear; use https")
    return f"{policy.organisation} at {policy.base_url}, inside is {', '.join(policy.inside_domains)}"


def check_dress() -> str:
    """A colour that is too light is made darker rather than refused, and the administrator is told."""
    accent = settings.POLICY.accent
    if not accent:
        return "the house's own colour"
    shown = light_shades(accent).brand
    if was_darkened(accent):
        return f"FILSLUSS_ACCENT {accent} is too light for text to be read, and is shown darker, as {shown}"
    return f"{accent}, {dark_shades(accent).brand} on dark pages"


def check_data_folder() -> str:
    mode = settings.DATA_DIR.stat().st_mode & 0o777
    if mode != 0o700:
        raise Wrong(f"{settings.DATA_DIR} is open to others ({mode:o}): chmod 700 it")
    return f"{settings.DATA_DIR} is ours alone"


def check_secret() -> str:
    path = settings.DATA_DIR / "secret_key"
    if path.exists() and path.stat().st_mode & 0o077:
        raise Wrong(f"{path} can be read by others: chmod 600 it")
    if len(settings.SECRET_KEY) < 32:
        raise Wrong("FILSLUSS_SECRET_KEY is shorter than 32 characters: take a random one")
    return "kept to ourselves"


def check_database() -> str:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as fault:
        raise Wrong(f"does not answer: {str(fault).splitlines()[0]}") from None
    if waiting:
        raise Wrong(f"{len(waiting)} migrations wait: run `filsluss migrate`")
    return f"{connection.vendor} answers and is up to date"


def check_store() -> str:
    """Writes, reads back and erases a blob, as an upload does."""
    store, name = open_store(settings.BLOB_URL), draw_upload_id()
    written = secrets.token_bytes(4096)
    try:
        store.create(name)
        with store.writer(name) as writer:
            writer.write(written)
            writer.sync()
        with store.open(name) as blob:
            same = blob.read() == written
        store.erase(name)
    except OSError as fault:
        raise Wrong(f"cannot be written to: {fault}; give it to the user this runs as") from None
    if not same:
        raise Wrong("gave back other bytes than it was given: look at the disk")
    return f"{settings.BLOB_URL} keeps and erases"


def check_space() -> str:
    free, total = open_store(settings.BLOB_URL).space()
    least = total * settings.POLICY.free_space_percent / 100
    if free < least:
        raise Wrong(f"{free >> 20} MiB free, {least / 2**20:.0f} MiB must stay free: uploads are refused")
    return f"{free >> 30} GiB free of {total >> 30}"


def check_mail() -> str:
    if settings.DEMO:
        return f"letters land in {settings.MAIL_DIR}"
    try:
        server = get_connection(timeout=10)
        server.open()
        server.close()
    except (OSError, smtplib.SMTPException) as fault:
        where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        raise Wrong(f"{where} does not take letters: {fault}; see FILSLUSS_SMTP_URL") from None
    return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} answers"


def check_scanner() -> str:
    """Lets it find the test virus, and asks how it treats what exceeds its limits."""
    scanner: Clamd | None = settings.SCANNER
    if scanner is None:
        return "none is set: files are passed on unscanned"
    largest = min(settings.POLICY.max_file_size, LARGEST)
    limits = f"StreamMaxLength, MaxFileSize and MaxScanSize {largest}, MaxScanTime 0"
    try:
        version = scanner.version()[:40]
        found = scanner.scan([EICAR], size=len(EICAR))
        candid, takes = scanner.reports_exceeded_limits(), scanner.takes(largest)
    except NotScanned as gap:
        raise Wrong(f"{gap}; see FILSLUSS_CLAMD") from None
    if not found:
        raise Wrong("does not find the EICAR test virus: give it signatures (freshclam)")
    if not candid:
        raise Wrong(f"calls clean what exceeds its limits: set AlertExceedsMax yes, {limits} in clamd.conf")
    if not takes:
        raise Wrong(f"does not take files as large as FILSLUSS_MAX_FILE_SIZE: set {limits} in clamd.conf")
    more = ": larger files wait for an administrator" if settings.POLICY.max_file_size > LOOKED_AT else ""
    return f"{version} finds EICAR, and says so when it does not look at all of a file (2 GiB - 3{more})"


def check_worker() -> str:
    seen = Heartbeat.objects.filter(name="worker").first()
    if seen is None or datetime.now(UTC) - seen.at > timedelta(minutes=1):
        raise Wrong("has not been heard for a minute: start `filsluss serve` or `filsluss worker`")
    return f"heard {datetime.now(UTC) - seen.at} ago"


def check_clock() -> str:
    if time.time() < datetime(2026, 1, 1, tzinfo=UTC).timestamp():
        raise Wrong("is years behind: accounts would never end; set it")
    return f"{datetime.now(settings.POLICY.time_zone):%Y-%m-%d %H:%M %Z}"


def check_user() -> str:
    if os.geteuid() == 0:
        raise Wrong("this runs as root: run it as a user of its own")
    return "not root"


def check_uploads() -> str:
    """Sends a slow upload through the public address, cuts it half-way, and looks how much was kept."""
    policy, store = settings.POLICY, open_store(settings.BLOB_URL)
    try:
        with upload_probe.open_account(store=store, policy=policy, now=datetime.now(UTC)) as token:
            found = Probe(policy.base_url, token).run()
    except NoWayThrough as fault:
        raise Wrong(f"{policy.base_url} {fault}; see docs/proxy.md") from None
    told = f"{found.kept / 2**20:.1f} of {found.sent / 2**20:.1f} MiB were kept of an upload that was cut"
    if found.kept < LEAST_KEPT * found.sent:
        raise Wrong(f"only {told}: the proxy gathers bodies; see `proxy_request_buffering` in docs/proxy.md")
    return told


CHECKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("settings", check_settings),
    ("dress", check_dress),
    ("data folder", check_data_folder),
    ("secret key", check_secret),
    ("database", check_database),
    ("blob store", check_store),
    ("disk space", check_space),
    ("mail server", check_mail),
    ("virus scanner", check_scanner),
    ("clock", check_clock),
)
DEPLOY_CHECKS = (("user", check_user), ("worker", check_worker), ("uploads", check_uploads))


def examine(*, deploy: bool) -> Iterator[Finding]:
    """Every finding, in order; nothing is changed."""
    for part, check in (*CHECKS, *(DEPLOY_CHECKS if deploy else ())):
        try:
            yield Finding(part, True, check())
        except Wrong as wrong:
            yield Finding(part, False, str(wrong))
        except Exception as fault:  # noqa: BLE001 - one broken part must not hide the others
            yield Finding(part, False, f"{type(fault).__name__}: {fault}")
