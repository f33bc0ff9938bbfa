"""The operator's choices for this installation: one frozen value, read once from the settings."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from ipaddress import IPv4Network, IPv6Network
from zoneinfo import ZoneInfo

from filsluss.languages import language_named
from filsluss.rules.addresses import is_inside
from filsluss.rules.logo import Logo
from filsluss.rules.sign_in import GroupRole, LocalSignIn, SharedMailbox, SignIn
from filsluss.rules.statements import Assessment, LegalBasis

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Policy:
    """Sizes are bytes, days are calendar days in `time_zone`, keys are derived from the secret key."""

    base_url: str
    organisation: str
    inside_domains: tuple[str, ...]
    link_keys: tuple[bytes, ...]
    code_keys: tuple[bytes, ...]
    mail_from: str = ""
    inside_networks: tuple[Network, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    max_file_size: int = 2 * 1024**3
    max_transfer_size: int = 50 * 1024**3
    max_files: int = 1000
    max_files_ever: int = 2000
    max_unfinished: int = 200
    max_days: int = 30
    default_days: int = 7
    decision_days: int = 7
    forget_days: int = 30
    audit_days: int = 365
    undo_lasts: timedelta = timedelta(0)
    security_log_days: int = 90
    free_space_percent: float = 5.0
    upload_idle: timedelta = timedelta(hours=48)
    promise_lasts: timedelta = timedelta(minutes=10)
    applications_per_hour: int = 5
    letters_per_day: int = 20
    file_letters_per_hour: int = 50
    list_interval: timedelta = timedelta(hours=4)
    outbound_per_day: int = 20
    reports_per_day: int = 5
    feedback_per_day: int = 20
    wrong_codes: int = 4
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Stockholm"))
    language: str = "sv"
    at: str = "hos"
    support_email: str = ""
    admin_emails: tuple[str, ...] = ()
    controller: str = ""
    legal_basis: LegalBasis | None = None
    data_protection_email: str = ""
    assessment: Assessment | None = None
    accent: str = ""
    logo: Logo | None = None
    sign_in: SignIn = SignIn.OFF
    decide_sign_in: bool = False
    local_sign_in: LocalSignIn = LocalSignIn.YES
    session_lasts: timedelta = timedelta(hours=8)
    session_idle: timedelta = timedelta(minutes=60)
    fresh_for: timedelta = timedelta(minutes=10)
    release_persons: int = 1
    role_groups: tuple[GroupRole, ...] = ()
    shared_mailboxes: tuple[SharedMailbox, ...] = ()

    def is_inside(self, address: str) -> bool:
        return is_inside(address, domains=self.inside_domains)

    def at_organisation(self, language: str) -> str:
        """Where somebody works: "hos Region Exempel", "at Region Exempel"."""
        return language_named(language).organisation.format(at=self.at, organisation=self.organisation)

    @property
    def contact_email(self) -> str:
        """Who can help when something does not work: support, else the first administrator; or empty."""
        return self.support_email or next(iter(self.admin_emails), "")

    def today(self, now: datetime) -> date:
        return now.astimezone(self.time_zone).date()

    def end_of(self, now: datetime, days: int) -> datetime:
        """00:00 in `time_zone` after day `days`, today being day 0: the first instant that is too late."""
        return datetime.combine(self.today(now) + timedelta(days=days + 1), time(), self.time_zone)

    def later_end(self, until: datetime, days: int) -> datetime:
        """That many days after an end, which is at 00:00, too."""
        return self.end_of(until - timedelta(microseconds=1), days)

    def last_day(self, until: datetime) -> date:
        """The last whole day before `until`: the date that pages show as "through"."""
        return (until.astimezone(self.time_zone) - timedelta(microseconds=1)).date()

    def days_left(self, until: datetime, now: datetime) -> int:
        """Calendar days from today to the last day; 0 is today."""
        return (self.last_day(until) - self.today(now)).days
