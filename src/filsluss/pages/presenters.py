"""Presenters: the values of transfers and files as text for the pages, in the reader's language."""

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from filsluss.actions import consequences
from filsluss.actions.stored_bytes import stored_bytes
from filsluss.installation import current_services
from filsluss.letters import sanitize
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.models.letter import Delivery, list_closes_at
from filsluss.models.pickup import first_fetch, first_partly
from filsluss.rules.filenames import NameRefused, clean_name, kind_of
from filsluss.rules.formats import (
    date_text,
    days_left_text,
    exact_bytes_text,
    moment_text,
    size_text,
    time_text,
    wait_text,
    weekday_date_text,
)
from filsluss.rules.letter_kinds import READY_KINDS
from filsluss.rules.lifecycle import LIVE_FILE, ErasedBecause, FileState, State
from filsluss.rules.paths import DOWNLOAD
from filsluss.rules.personal_number import has_personal_number


@dataclass(frozen=True)
class When:
    """A date or time: ISO 8601 for the `datetime` attribute, and text for people.

    `short` is the time alone if that is today, else all of it.
    """

    iso: str
    text: str
    short: str = ""


def moment(at: datetime | None) -> When | None:
    """Date and time in the installation's time zone."""
    if at is None:
        return None
    local, today = (each.astimezone(settings.POLICY.time_zone) for each in (at, timezone.now()))
    text = moment_text(local, language := translation.get_language())
    short = time_text(local, language) if local.date() == today.date() else text
    return When(local.isoformat(timespec="seconds"), text, short)


def table_moment(at: datetime | None) -> When | None:
    """Date and time as a table has them, in one form whatever the language: 2026-11-25 22:14."""
    if at is None:
        return None
    local = at.astimezone(settings.POLICY.time_zone)
    return When(local.isoformat(timespec="seconds"), f"{local:%Y-%m-%d %H:%M}")


def day(on: date) -> When:
    return When(on.isoformat(), date_text(on, translation.get_language()))


def weekday(on: date) -> When:
    return When(on.isoformat(), weekday_date_text(on, translation.get_language()))


def last_day(until: datetime | None) -> When | None:
    """The day that "through <date>" names."""
    return day(settings.POLICY.last_day(until)) if until else None


def answer_by(transfer: Transfer) -> When:
    """The last day for an answer; empty if no approver was asked."""
    return last_day(transfer.lapse_by) or When("", "")


def wait(at: datetime, now: datetime) -> str:
    """When something is possible, seen from now: in 3 minutes, at 14:20, tomorrow at 08:15."""
    zone = settings.POLICY.time_zone
    return wait_text(at.astimezone(zone), now.astimezone(zone), translation.get_language())


def list_at(transfer: Transfer) -> When | None:
    """When the approver gets the list on which the request waits; None if it waits for none."""
    return moment(list_closes_at(transfer)) if transfer.state == State.PENDING else None


def day_of(at: datetime | None) -> When | None:
    return day(at.astimezone(settings.POLICY.time_zone).date()) if at else None


def days_left(until: datetime, now: datetime) -> str:
    return days_left_text(settings.POLICY.days_left(until, now), translation.get_language())


def sent_name(raw: str) -> str:
    """A file name as it came, made safe to show; that of a file which has none that could be shown."""
    try:
        return clean_name(raw)
    except NameRefused:
        return _("File without a name")


def sender_name(transfer: Transfer) -> str:
    """The sender's name as pages show it: nothing in it looks like an address or a link."""
    return sanitize.person(transfer.sender.name)


def short_name(transfer: Transfer) -> str:
    """The sender for whoever holds no more than a link: the first name and the initial of the last."""
    first, *others = sender_name(transfer).split() or [_("the sender")]
    return f"{first} {others[-1][0]}." if others else first


def size(count: int | None) -> str:
    return size_text(count, translation.get_language()) if count is not None else ""


WITH_LETTERS = ("pickups", "letter_cases__letter")
"""What a file view reads besides the file itself, for `prefetch_related`."""


@dataclass(frozen=True)
class FileView:
    """A file for sender, recipient and administrator; each template shows what its reader may see."""

    public_id: str
    name: str
    kind: str
    size: str
    exact_size: str
    state: str
    word: str
    tone: str
    percent: int | None
    with_code: bool
    sha256: str
    received: When | None
    fetched: When | None
    partly: When | None
    fetches: int
    is_live: bool
    letter: str
    letter_at: When | None
    removal_reason: str
    scan: str
    scan_trouble: str
    is_held: bool
    withheld_until: When | None
    consequences: str
    has_number: bool


def file_view(file: TransferFile) -> FileView:
    letter = letter_about(file)
    word, tone = state_words(file, letter)
    is_open = file.transfer.is_open_at(timezone.now())  # nothing is given back, or let through, after its end
    exact = exact_bytes_text(file.size, translation.get_language()) if file.size is not None else ""
    return FileView(
        public_id=file.public_id,
        name=file.path,
        kind=kind_of(file.name),
        size=size(file.size),
        exact_size=exact,
        state=file.state,
        word=word,
        tone=tone,
        percent=percent(file),
        with_code=file.with_code,
        sha256=file.sha256,
        received=moment(file.received_at),
        fetched=moment(first_fetch(file)),
        partly=moment(first_partly(file)),
        fetches=sum(pickup.fetches for pickup in file.pickups.all()),
        is_live=file.state in LIVE_FILE,
        letter=letter.delivery if letter else "",
        letter_at=moment(letter.sent_at) if letter and file.state == FileState.READY else None,
        removal_reason=file.removal_reason,
        scan=scan_words(file),
        scan_trouble=file.virus or file.scan_trouble,
        is_held=file.state == FileState.UNSCANNED and is_open,
        withheld_until=moment(file.withheld_until) if is_open else None,
        consequences=consequence_words(consequences.of_removing(file)) if file.state in LIVE_FILE else "",
        has_number=has_personal_number(file.path, today=timezone.now().date()),
    )


def consequence_words(what: consequences.Consequences) -> str:
    """How many files and emails an act is about that cannot be undone."""
    parts = []
    if what.files:
        files = ngettext("%(n)d file will be deleted.", "%(n)d files will be deleted.", what.files)
        parts.append(files % {"n": what.files})
    letters = ngettext("%(n)d email will be sent.", "%(n)d emails will be sent.", what.letters)
    parts.append(letters % {"n": what.letters} if what.letters else _("No email will be sent."))
    return " ".join([*parts, _("This cannot be undone.")])


def scan_words(file: TransferFile) -> str:
    """The result of the virus check; empty if there is no scanner or no result yet."""
    if file.virus:
        return _("Malicious code was found")
    if file.released_at:
        return _("The virus check could not read the file. Only open it if you trust the sender.")
    return _("No malicious code was found.") if file.scanned_at else ""


def letter_about(file: TransferFile) -> Letter | None:
    """The newest letter that tells a recipient that the file is ready; see `WITH_LETTERS`."""
    told = [case.letter for case in file.letter_cases.all() if case.letter.kind in READY_KINDS]
    return max(told, key=lambda letter: letter.pk, default=None)


def percent(file: TransferFile) -> int | None:
    """How much of an unfinished file is stored, a running request included; None if it has no size."""
    if file.state != FileState.UPLOADING or not file.size:
        return None
    return min(99, stored_bytes(file, services=current_services()) * 100 // file.size)


def state_words(file: TransferFile, letter: Letter | None) -> tuple[str, str]:
    """The state of a file in words, and the CSS class of its tone: ok, busy, warn, err or over."""
    match file.state:
        case FileState.UPLOADING:
            return _("Incomplete. Choose the same file again to continue."), "warn"
        case FileState.RECEIVED:
            return _("Uploaded. The email will be sent shortly."), "busy"
        case FileState.SCANNING:
            return _("Uploaded. Virus check in progress."), "busy"
        case FileState.UNSCANNED:
            return unscanned_words(file), "warn"
        case FileState.INFECTED:
            return because_words(ErasedBecause.INFECTED), "err"
        case FileState.READY:
            return ready_words(letter)
    return deleted_words(file), "over"


def deleted_words(file: TransferFile) -> str:
    """Why the file goes or is gone; who deleted it says already that it is deleted."""
    why = gone_words(file)
    if file.erased_because in (ErasedBecause.REMOVED, ErasedBecause.WITHDRAWN):
        return why
    if file.state == FileState.ERASING:
        return _("%(why)s It is being deleted.") % {"why": why}
    return _("%(why)s It has been deleted.") % {"why": why}


def unscanned_words(file: TransferFile) -> str:
    if file.scan_again_at:
        return _(
            "Uploaded. The virus check has not been possible yet, so no email has been sent. We try again."
        )
    return _(
        "Uploaded. The virus check cannot read the file, so no email has been sent. "
        "The system administrator has been told."
    )


def ready_words(letter: Letter | None) -> tuple[str, str]:
    if letter is not None and letter.delivery == Delivery.COLLECTING:
        return _("Uploaded. The recipient gets one email about all files."), "ok"
    if letter is None or letter.delivery == Delivery.QUEUED:
        return _("Uploaded. The email is on its way."), "ok"
    if letter.delivery == Delivery.GIVEN_UP:
        return _("Uploaded, but the email did not arrive. Check the recipient’s address."), "err"
    return _("Done. The email to the recipient was sent"), "ok"


def because_words(reason: str) -> str:
    """Why a file is gone; names roles, no people."""
    words = {
        ErasedBecause.ENDED: _("The account has ended."),
        ErasedBecause.REMOVED: _("Deleted by the system administrator."),
        ErasedBecause.WITHDRAWN: _("Deleted by the sender."),
        ErasedBecause.STALE: _("The upload was never finished."),
        ErasedBecause.DAMAGED: _("The file was damaged on its way or in storage and must be uploaded again."),
        ErasedBecause.INFECTED: _("Stopped: we found malicious code in the file. It has not been sent."),
    }
    return next((text for why, text in words.items() if why == reason), _("The file is gone."))


def gone_words(file: TransferFile) -> str:
    """Why a file cannot be downloaded; it is not said to be deleted while its bytes wait."""
    stopped = _("Stopped by the system administrator. It can no longer be downloaded.")
    return stopped if file.state == FileState.WITHHELD else because_words(file.erased_because)


def bytes_address(token: str, file: TransferFile) -> str:
    """The path from which this token downloads the file."""
    return DOWNLOAD.path(token, quote(file.name, safe=""))
