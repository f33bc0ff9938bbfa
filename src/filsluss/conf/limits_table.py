"""The table of settings, continued: how much and how long."""

from filsluss.conf import readers
from filsluss.conf.names import Name
from filsluss.conf.readers import integer, size
from filsluss.conf.setting import Setting

MIB, GIB, PIB = 1 << 20, 1 << 30, 1 << 50
COUNT = integer(1, 1_000_000)

LIMITS = (
    Setting(
        Name.MAX_TRANSFER_SIZE,
        size(MIB, PIB),
        "all files of one transfer; also at most 1 000 files, 200 of them unfinished, and 2 000 ever made, "
        "removed ones included",
        default="50GiB",
        policy="max_transfer_size",
    ),
    Setting(
        Name.MAX_FILE_SIZE,
        size(MIB, PIB),
        f"one file; at most `{Name.MAX_TRANSFER_SIZE}`",
        default=lambda values: (
            "2GiB" if values[Name.MAX_TRANSFER_SIZE] >= 2 * GIB else str(values[Name.MAX_TRANSFER_SIZE])
        ),
        unset="`2GiB`",
        policy="max_file_size",
    ),
    Setting(Name.MAX_DAYS, integer(1, 3650), "the longest account", default="30", policy="max_days"),
    Setting(
        Name.DEFAULT_DAYS,
        integer(1, 3650),
        f"the length of an account that is offered to an inside sender; at most `{Name.MAX_DAYS}`",
        default=lambda values: str(min(7, values[Name.MAX_DAYS])),
        unset="`7`",
        policy="default_days",
    ),
    Setting(
        Name.DECISION_DAYS,
        integer(1, 365),
        "after this an undecided application lapses",
        default="7",
        policy="decision_days",
    ),
    Setting(
        Name.LETTERS_PER_DAY,
        COUNT,
        "letters that one mailbox gets in 24 hours about applications that nobody has decided. Further "
        "requests wait and come to the approver in a list; a decided one makes room at once. Whoever applies "
        "from an inside network never waits",
        default="20",
        policy="letters_per_day",
    ),
    Setting(
        Name.LIST_MINUTES,
        readers.minutes(1, 1440),
        "the least time between two such lists to one mailbox; the first comes after a sixteenth of it",
        default="240",
        policy="list_interval",
    ),
    Setting(
        Name.OUTBOUND_PER_DAY,
        COUNT,
        "applications in 24 hours, made outside the inside networks, that name the same inside sender and "
        "whose link was not used; from one network at most half of them",
        default="20",
        policy="outbound_per_day",
    ),
    Setting(
        Name.APPLICATIONS_PER_HOUR,
        COUNT,
        "applications, and reports of each kind, from one network that is not inside. Raise it if suppliers "
        "share one address",
        default="5",
        policy="applications_per_hour",
    ),
    Setting(
        Name.WRONG_CODES,
        COUNT,
        "wrong download codes from one network in 15 minutes before it must wait",
        default="4",
        policy="wrong_codes",
    ),
    Setting(
        Name.REPORTS_PER_DAY,
        COUNT,
        "abuse reports of one role in one case; a first report is never refused",
        default="5",
        policy="reports_per_day",
    ),
    Setting(
        Name.FEEDBACK_PER_DAY, COUNT, "accessibility reports in all", default="20", policy="feedback_per_day"
    ),
    Setting(
        Name.FORGET_DAYS,
        integer(0, 3650),
        "after the end, rows, letters and names are deleted; not before every letter was sent or given up",
        default="30",
        policy="forget_days",
    ),
    Setting(
        Name.SECURITY_LOG_DAYS,
        integer(1, 3650),
        "after this security events are deleted; see [The security log](security-log.md)",
        default="90",
        policy="security_log_days",
    ),
    Setting(
        Name.AUDIT_DAYS,
        integer(1, 36500),
        "after this the audit trail, which then holds no names, is deleted",
        default="365",
        policy="audit_days",
    ),
    Setting(
        Name.UNDO_HOURS,
        readers.hours(0, 720),
        "for so many hours a file that an administrator removed can be given back; `0`: it is erased at "
        'once. See "Giving back a removed file"',
        default="0",
        policy="undo_lasts",
    ),
)
