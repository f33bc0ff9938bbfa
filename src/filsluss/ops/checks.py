"""The checks of `filsluss check`: each tests one part of the installation and says how to repair it."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from filsluss import outages
from filsluss.actions import key_fingerprint, nodes, room
from filsluss.blobs import BlobMissing, StoreAway, erase_held, held_writer
from filsluss.conf.names import Name
from filsluss.installation import Services, current_services, is_in_bucket
from filsluss.models import Heartbeat, Node
from filsluss.ops import mail_check
from filsluss.ops.database_server import require_same_time, require_writable
from filsluss.ops.deploy_checks import check_downloads, check_provider, check_proxy, check_uploads
from filsluss.ops.findings import CheckFailed, Finding
from filsluss.ops.notices import require_notices
from filsluss.ops.secret_key import OTHER_KEY, open_to_others
from filsluss.ops.tables import are_empty, oldest_program, program_version, refusal, waiting_migrations
from filsluss.rules.application import is_own_address
from filsluss.rules.contrast import dark_shades, light_shades, was_darkened
from filsluss.rules.sign_in import SignIn
from filsluss.rules.tokens import draw_upload_id
from filsluss.scanners.clamd import EICAR, SCAN_MAX, STREAM_MAX, Clamd, NotScanned


def check_settings() -> str:
    policy = settings.POLICY
    if policy.base_url.startswith("http://") and not settings.DEMO and "localhost" not in policy.base_url:
        raise CheckFailed(f"{Name.BASE_URL} is http: links and files are sent unencrypted; use https")
    own = any(is_own_address(address, policy) for address in policy.admin_emails)
    more = f"; {Name.ADMIN_EMAIL} names the service's own address: does anybody read it?" if own else ""
    domains = ", ".join(policy.inside_domains)
    return f"{policy.organisation} at {policy.base_url}, inside domains {domains}{more}"


def check_branding() -> str:
    """A colour that is too light is no failure: pages use a darker one, and this says so."""
    accent = settings.POLICY.accent
    if not accent:
        return f"{Name.ACCENT} is not set: Filsluss's own colour"
    shown = light_shades(accent).brand
    if was_darkened(accent):
        return f"{Name.ACCENT} {accent} is too light for readable text: pages use the darker {shown}"
    return f"{accent}, {dark_shades(accent).brand} on dark pages"


def check_sign_in() -> str:
    """What the settings of sign-in make of the other ways to send."""
    policy, provider = settings.POLICY, settings.IDENTITY_PROVIDER
    if policy.sign_in is SignIn.OFF or provider is None:
        return f"{Name.SIGN_IN} is off: nobody signs in to send"
    opens = f"; {Name.INSIDE_NETWORKS} opens nothing, it only lifts limits" if policy.inside_networks else ""
    roles = "" if policy.role_groups else f"; without {Name.ROLE_GROUPS} no group gives a role"
    return f"{policy.sign_in}, with {provider.issuer}{opens}{roles}"


def check_data_folder() -> str:
    mode = settings.DATA_DIR.stat().st_mode & 0o777
    if mode != 0o700:
        raise CheckFailed(f"{settings.DATA_DIR} is accessible to others ({mode:o}): chmod 700 it")
    return f"{settings.DATA_DIR} is accessible to its owner only"


def check_secret() -> str:
    if found := open_to_others():
        raise CheckFailed(f"{', '.join(map(str, found))} can be read by others: chmod 600")
    if len(settings.SECRET_KEY) < 32:
        raise CheckFailed(f"{Name.SECRET_KEY} is shorter than 32 characters: take a random one")
    try:
        known = key_fingerprint.is_known(settings.KEY_FINGERPRINTS)
    except DatabaseError:  # without tables nothing was ever made with a key
        known = True
    if not known:
        raise CheckFailed(OTHER_KEY)
    return "readable by its owner only"


def check_database() -> str:
    try:
        waiting, empty = waiting_migrations(), are_empty()
    except DatabaseError as fault:
        raise CheckFailed(f"does not answer: {str(fault).splitlines()[0]}") from None
    if empty:
        return f"{connection.vendor}, empty: `filsluss serve` makes its tables"
    if waiting:
        raise CheckFailed(f"{waiting} migrations are not applied: run `filsluss migrate`")
    require_writable()
    require_notices()
    return f"{connection.vendor}, all migrations are applied"


def check_tables() -> str:
    if why := refusal():
        raise CheckFailed(f"{why}: install that")
    oldest = oldest_program()
    return f"this is {program_version()}" + (f", and they need {oldest} or newer" if oldest else "")


def check_store() -> str:
    """Writes, reads and erases a test blob as an upload does; looks at the rules of a bucket, too."""
    services = current_services()
    try:
        wrong = faults_of_bucket(services) if is_in_bucket() else []
        same = round_trip(services)
    except StoreAway as fault:
        raise CheckFailed(f"{settings.BLOB_URL}: {fault}") from None
    except BlobMissing:
        raise CheckFailed(f"{settings.BLOB_URL}: took a test blob, and then had none") from None
    except OSError as fault:
        raise CheckFailed(
            f"cannot be written to: {fault}; it must belong to the user of the service"
        ) from None
    if not same:
        raise CheckFailed("returned other bytes than were written: check the disk")
    if wrong:
        raise CheckFailed(f"{settings.BLOB_URL}: {'; '.join(wrong)}")
    return f"{settings.BLOB_URL}: a test blob was written, read and erased"


def round_trip(services: Services) -> bool:
    """Whether a blob is read as it was written; it is erased again. Raises OSError."""
    store, name, written = services.store, draw_upload_id(), secrets.token_bytes(4096)
    store.create(name)
    with held_writer(name, store=store, locker=services.locker) as (writer, _):
        writer.write(written)
        writer.sync()
    with store.open(name) as blob:
        same = blob.read() == written
    erase_held(name, store=store, locker=services.locker)
    return same


def faults_of_bucket(services: Services) -> list[str]:
    from filsluss.blobs.bucket_rules import faults_of  # they need boto3, which is there with a bucket
    from filsluss.blobs.s3 import S3Store

    assert isinstance(services.store, S3Store)
    kept_for = timedelta(days=services.policy.max_days + 2)
    return list(faults_of(services.store.bucket, kept_for=kept_for, now=services.store.table.clock()))


def check_space() -> str:
    disk = room.look_at_disk(services=current_services())
    if is_in_bucket():
        return "a bucket tells of no limit"
    if disk.left < 0:
        raise CheckFailed(
            f"{disk.free >> 20} MiB free, {disk.kept_free >> 20} MiB must stay free: uploads are refused"
        )
    if not room.reserve_is_laid():
        raise CheckFailed("no room for the reserve beside the database: uploads are refused; free some")
    return f"{disk.free >> 30} GiB free{_promised(disk)}"


def _promised(disk: room.Disk) -> str:
    """How much of that uploads under way will write; empty while the database does not answer."""
    try:
        promised = room.outstanding(disk.free, services=current_services(), now=datetime.now(UTC))
    except DatabaseError:
        return ""
    return f", {promised >> 20} MiB of that for uploads under way"


def check_mail_server() -> str:
    try:
        return mail_check.rehearse()
    except mail_check.MailRefused as refused:
        raise CheckFailed(str(refused)) from None


def check_letter(address: str) -> str:
    """Sends one real letter to that address."""
    try:
        return mail_check.send_letter(address, now=datetime.now(UTC))
    except mail_check.MailRefused as refused:
        raise CheckFailed(str(refused)) from None


def check_scanner() -> str:
    """Lets clamd scan the test virus, and tests how it treats files that exceed its limits."""
    scanner: Clamd | None = settings.SCANNER
    if scanner is None:
        return f"{Name.CLAMD} is not set: files are not scanned"
    largest = min(settings.POLICY.max_file_size, STREAM_MAX)
    limits = f"StreamMaxLength, MaxFileSize and MaxScanSize {largest}, MaxScanTime 0"
    try:
        version = scanner.version()[:40]
        found = scanner.scan([EICAR], size=len(EICAR))
        reports_limits, accepts = scanner.reports_exceeded_limits(), scanner.accepts(largest)
    except NotScanned as fault:
        raise CheckFailed(f"{fault}; see {Name.CLAMD}") from None
    if not found:
        raise CheckFailed("does not find the EICAR test virus: load signatures (freshclam)")
    if not reports_limits:
        raise CheckFailed(
            f"reports files over its limits as clean: set AlertExceedsMax yes, {limits} in clamd.conf"
        )
    if not accepts:
        raise CheckFailed(f"does not accept files of {Name.MAX_FILE_SIZE}: set {limits} in clamd.conf")
    more = ": larger files wait for an administrator" if settings.POLICY.max_file_size > SCAN_MAX else ""
    return f"{version} finds the EICAR test virus, and reports files over its limits (2 GiB - 3{more})"


def check_worker() -> str:
    heartbeat = Heartbeat.objects.filter(name="worker").first()
    age = datetime.now(UTC) - heartbeat.at if heartbeat else None
    if age is None or age > timedelta(minutes=1):
        raise CheckFailed("no heartbeat in the last minute: start `filsluss serve` or `filsluss worker`")
    return f"last heartbeat {age.total_seconds():.0f} s ago"


def check_nodes() -> str:
    if Node._meta.db_table not in connection.introspection.table_names():
        return "none runs: the database has no table for them yet"
    store = current_services().store
    if found := nodes.troubles(is_store_shared=store.is_shared, now=datetime.now(UTC)):
        raise CheckFailed("; ".join(found))
    running = [f"{node.part} on {node.name} ({node.version})" for node in Node.objects.order_by("key")]
    return ", ".join(running) or "none runs"


def check_clock() -> str:
    if time.time() < datetime(2026, 1, 1, tzinfo=UTC).timestamp():
        raise CheckFailed("is years behind: accounts would never end; set it")
    require_same_time()
    return f"{datetime.now(settings.POLICY.time_zone):%Y-%m-%d %H:%M %Z}"


def check_user() -> str:
    if os.geteuid() == 0:
        raise CheckFailed("the service runs as root: run it as a user of its own")
    return "not root"


def check_key_place() -> str:
    """No failure: a small installation may have one folder. But its copies must then be kept like a key."""
    database = settings.DATABASES["default"]["NAME"]
    folder = Path(database).resolve().parent if connection.vendor == "sqlite" else None
    given, file = os.environ.get(Name.SECRET_KEY), os.environ.get(Name.SECRET_KEY.of_file)
    key = Path(file or settings.DATA_DIR / "secret_key").resolve()
    if folder and key.is_relative_to(folder) and (file or not given):
        return (
            f"{key} and the database share a folder: whoever copies it can read links, codes and waiting "
            f"letters; to keep them apart, move the key and set {Name.SECRET_KEY.of_file}"
        )
    return "the key and the database share no folder"


CHECKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("settings", check_settings),
    ("branding", check_branding),
    ("sign in", check_sign_in),
    ("data folder", check_data_folder),
    ("secret key", check_secret),
    ("database", check_database),
    ("tables", check_tables),
    ("blob store", check_store),
    ("disk space", check_space),
    ("mail server", check_mail_server),
    ("virus scanner", check_scanner),
    ("nodes", check_nodes),
    ("clock", check_clock),
)
DEPLOY_CHECKS = (
    ("user", check_user),
    ("key place", check_key_place),
    ("worker", check_worker),
    ("proxy", check_proxy),
    ("sign in provider", check_provider),
    ("uploads", check_uploads),
    ("downloads", check_downloads),
)


def run_checks(*, deploy: bool, letter_to: str = "") -> Iterator[Finding]:
    """The findings in order. Nothing is changed, apart from test data that is removed again.

    With `letter_to` a letter is sent to that address, too.
    """
    letter = (("letter", lambda: check_letter(letter_to)),) if letter_to else ()
    for part, check in (*CHECKS, *letter, *(DEPLOY_CHECKS if deploy else ())):
        try:
            yield Finding(part, True, check())
        except CheckFailed as failed:
            yield Finding(part, False, str(failed))
        except outages.AWAY:
            yield Finding(part, False, "cannot be told while the database does not answer")
        except Exception as fault:  # noqa: BLE001 - a check that breaks must not hide the others
            yield Finding(part, False, f"{type(fault).__name__}: {fault}")
