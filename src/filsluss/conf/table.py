"""The table of settings: everything that is known of each, in the order in which they are read."""

from filsluss.conf import databases, readers, settings_file
from filsluss.conf.blob_location import blob_url
from filsluss.conf.data_folder import made_folder, secret_key, usual_folder
from filsluss.conf.limits_table import LIMITS
from filsluss.conf.names import Name
from filsluss.conf.nodes import node_of
from filsluss.conf.readers import integer, networks
from filsluss.conf.setting import Setting
from filsluss.conf.sign_in_table import SIGN_IN
from filsluss.conf.statements import STATEMENTS
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
        databases.postgresql,
        "`postgresql://user:password@host/database`, with a standby "
        "`…@host:5432,other:5432/database?target_session_attrs=read-write`",
        unset="SQLite in the data folder",
        is_secret=True,
    ),
    Setting(
        Name.DATABASE_DIRECT_URL,
        databases.postgresql,
        f"the same database without the pooler: needed if `{Name.DATABASE_URL}` leads to one that keeps no "
        "sessions, such as PgBouncer in transaction mode",
        unset=f"`{Name.DATABASE_URL}`",
        is_secret=True,
    ),
    Setting(
        Name.NODE,
        readers.node_name,
        "the name of this machine among those of the installation, by which alarms and metrics call it",
        default=node_of,
        unset="the host name; with SQLite `local`",
    ),
    Setting(
        Name.BLOB_URL,
        blob_url,
        "`file:///…`, or `s3://bucket/prefix?endpoint=https://host&region=name` for several machines; see "
        "[More than one machine](scaling.md)",
        default=lambda values: (values[Name.DATA_DIR] / "blobs").as_uri(),
        unset="`blobs` in the data folder",
    ),
    Setting(
        Name.S3_ACCESS_KEY,
        readers.secret,
        "the name of the key of the bucket, which must be allowed to delete. In a file it may change at any "
        "time",
        unset="what the machine is allowed by its surroundings, as botocore finds it",
        is_secret=True,
    ),
    Setting(
        Name.S3_SECRET_KEY,
        readers.secret,
        f"the key itself; goes with `{Name.S3_ACCESS_KEY}`. In a file it may change at any time",
        is_secret=True,
    ),
    Setting(
        Name.SECRET_KEY,
        readers.secret,
        "the keys of links, codes and waiting letters are derived from it. The database knows its "
        "fingerprint: with another key nothing starts",
        default=lambda values: secret_key(values[Name.DATA_DIR]),
        unset="generated once, in the data folder",
        is_secret=True,
    ),
    Setting(
        Name.SECRET_KEY_OLD,
        readers.secrets,
        "earlier secrets, with commas between: links already sent keep working, and letters that wait can be "
        "sent",
        is_secret=True,
    ),
    *LIMITS,
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
        'of their own, and what asks about uploads 100; "Slow clients" says who may have how many). '
        "Threads are started when they are needed. All file descriptors that the hard limit "
        "allows are used, up to 65 536; half of them are for connections",
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
        "`sv` or `en`: of letters to inside addresses, and of pages for whoever asks for neither",
        default="sv",
        policy="language",
    ),
    Setting(
        Name.AT,
        readers.preposition,
        "the Swedish word before the organisation's name: `hos`, `i` or `på`",
        default="hos",
        policy="at",
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
    *STATEMENTS,
    Setting(
        Name.CLAMD, readers.scanner, '`unix:/run/clamav/clamd.ctl` or `tcp:host:3310`; see "The virus check"'
    ),
    Setting(Name.ACCEL, readers.accel, "`nginx`: it sends the bytes, see [Behind a proxy](proxy.md)"),
    Setting(Name.METRICS_NETWORKS, networks, f'networks that may read `{METRICS.path()}`; see "Monitoring"'),
    Setting(
        Name.LOG,
        readers.log_form,
        "the lines of the log: `pairs` (`key=value`), or `json`, one object a line with the same facts",
        default="pairs",
    ),
    *SIGN_IN,
    Setting(Name.DEMO, bool, "set by `filsluss demo`", is_ours=True),
)
