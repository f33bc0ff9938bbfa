"""The table of settings: everything that is known of each, in the order in which they are read."""

from filsluss.conf import readers, settings_file
from filsluss.conf.data_folder import made_folder, secret_key, usual_folder
from filsluss.conf.names import Name
from filsluss.conf.readers import comma_list, integer, networks, size
from filsluss.conf.setting import Setting
from filsluss.rules.paths import METRICS, WELL_KNOWN

MIB, GIB, PIB = 1 << 20, 1 << 30, 1 << 50
COUNT = integer(1, 1_000_000)

TABLE = (
    Setting(
        Name.BASE_URL,
        readers.site,
        "scheme and host; every link is built from it, never from a request's headers",
        policy="base_url",
        is_required=True,
    ),
    Setting(
        Name.ORGANISATION,
        readers.name,
        "the name on pages and in letters",
        policy="organisation",
        is_required=True,
    ),
    Setting(
        Name.INSIDE_DOMAINS,
        readers.domains,
        "the domains of your own addresses, with commas between. `region.example` is that domain alone, "
        "`.region.example` it and all below it; å, ä, ö become A-labels (IDNA 2008)",
        policy="inside_domains",
        is_required=True,
    ),
    Setting(
        Name.SMTP_URL,
        readers.smtp,
        "`smtp://user:password@host:25`, `smtps://…:465` or `smtp+starttls://…:587`",
        is_required=True,
        is_secret=True,
    ),
    Setting(
        Name.MAIL_FROM,
        readers.address,
        "the service's own address, at a domain whose SPF and DKIM cover your mail server",
        policy="mail_from",
        is_required=True,
    ),
    Setting(
        Name.SMTP_HELO,
        readers.helo_name,
        "the name in EHLO: a full name or an address such as `[192.0.2.1]`",
        unset=f"the machine's full name, or the host of `{Name.BASE_URL}` if it has none",
    ),
    Setting(
        Name.MAIL_CONNECTIONS,
        integer(1, 32),
        "connections to the mail server at a time, for each worker: 1 to 32",
        default="4",
    ),
    Setting(
        Name.INSIDE_NETWORKS,
        networks,
        "networks such as `10.0.0.0/8`. An inside sender who applies from one gets the upload page at once; "
        "from anywhere else the link goes only to the mailbox",
        policy="inside_networks",
    ),
    Setting(
        Name.TRUSTED_PROXIES,
        networks,
        "the proxies in front. Behind a proxy that is not named here nobody counts as inside, and everybody "
        "shares the limits of one network",
        policy="trusted_proxies",
    ),
    Setting(
        Name.CONFIG,
        str,
        "the settings file, which cannot name another; empty: none",
        default=lambda _values: str(settings_file.path() or "none"),
        unset=f"`{settings_file.DEFAULT}`",
    ),
    Setting(
        Name.DATA_DIR,
        made_folder,
        "created readable by its owner only (0700). Temporary files lie in it, too: nothing else must be "
        "writable",
        default=lambda _values: usual_folder(),
        unset="the unit's `StateDirectory`, else `/var/lib/filsluss` if it is there, else `./data`",
        is_never_empty=True,
    ),
    Setting(
        Name.DATABASE_URL,
        readers.postgresql,
        "`postgresql://user:password@host/database`",
        unset="SQLite in the data folder",
        is_secret=True,
        is_never_empty=True,
    ),
    Setting(
        Name.BLOB_URL,
        readers.blob_url,
        "`file:///…`, or `s3://bucket/prefix?endpoint=https://host&region=name` for several machines; see "
        "[More than one machine](scaling.md)",
        default=lambda values: (values[Name.DATA_DIR] / "blobs").as_uri(),
        unset="`blobs` in the data folder",
    ),
    Setting(
        Name.S3_ACCESS_KEY,
        str,
        "the name of the key of the bucket; it must be allowed to delete",
        unset="what the machine is allowed by its surroundings, as botocore finds it",
        is_secret=True,
    ),
    Setting(Name.S3_SECRET_KEY, str, f"the key itself; goes with `{Name.S3_ACCESS_KEY}`", is_secret=True),
    Setting(
        Name.SECRET_KEY,
        str,
        "the keys of links, codes and waiting letters are derived from it. The database knows its "
        "fingerprint: with another key nothing starts",
        default=lambda values: secret_key(values[Name.DATA_DIR]),
        unset="generated once, in the data folder",
        is_secret=True,
        is_never_empty=True,
    ),
    Setting(
        Name.SECRET_KEY_OLD,
        comma_list,
        "earlier secrets, with commas between: links already sent keep working, and letters that wait can be "
        "sent",
        is_secret=True,
        is_never_empty=True,
    ),
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
        Name.FREE_SPACE,
        readers.percent,
        'the part of the disk that stays free: announcements and bytes beyond it get 507; see "Room"',
        default="5%",
        policy="free_space_percent",
    ),
    Setting(
        Name.THREADS,
        integer(2, 2000),
        "transfers at once for each process, half of them uploads and half downloads (pages have 200 threads "
        'of their own; "Slow clients" says who may have how many). Threads are started when they are needed. '
        "All file descriptors that the hard limit allows are used, up to 65 536; half of them are for "
        "connections",
        default="1000",
    ),
    Setting(
        Name.WEB_PROCESSES,
        integer(1, 64),
        "web processes: two on two cores where many send at once (a quarter faster, some 30 MiB more)",
        default="1",
    ),
    Setting(
        Name.LANGUAGE,
        readers.language,
        "`sv` or `en`: of letters to administrators, and of pages for whoever asks for neither",
        default="sv",
        policy="language",
    ),
    Setting(
        Name.TIME_ZONE,
        readers.zone,
        'the zone of dates and of the end of a day; see "What a day is"',
        default="Europe/Stockholm",
        policy="time_zone",
    ),
    Setting(
        Name.SUPPORT_EMAIL,
        readers.address,
        f"shown on pages, in letters and in `{WELL_KNOWN.path('security.txt')}`",
        policy="support_email",
    ),
    Setting(
        Name.ADMIN_EMAIL,
        readers.addresses,
        "who gets letters about alarms and infected files, with commas between",
        policy="admin_emails",
    ),
    Setting(
        Name.CLAMD, readers.scanner, '`unix:/run/clamav/clamd.ctl` or `tcp:host:3310`; see "The virus check"'
    ),
    Setting(
        Name.ACCENT,
        readers.accent,
        "the colour of pages and letters, as `#0b6e4f`",
        unset="Filsluss's own",
        policy="accent",
    ),
    Setting(Name.LOGO, readers.logo, "the path of a PNG or SVG of at most 200 kB", policy="logo"),
    Setting(Name.ACCEL, readers.accel, "`nginx`: it sends the bytes, see [Behind a proxy](proxy.md)"),
    Setting(Name.METRICS_NETWORKS, networks, f'networks that may read `{METRICS.path()}`; see "Monitoring"'),
    Setting(Name.DEMO, bool, "set by `filsluss demo`", is_ours=True),
)
