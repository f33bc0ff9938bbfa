"""The settings: what each is when nobody sets it, how it is read, and the one line that a wrong one gets."""

import os
import re
import runpy
from datetime import date, timedelta
from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from filsluss import settings
from filsluss.blobs.bucket_address import BucketAddress
from filsluss.conf.settings_file import SettingUnreadable
from filsluss.rules.statements import Assessment, Conformance, LegalBasis
from tests.parts.installation import environment
from tests.parts.people import BO, FORM, apply, fetch, send_tus
from tests.parts.service import Service

GIB = 1024**3
REQUIRED = ("BASE_URL", "ORGANISATION", "INSIDE_DOMAINS", "SMTP_URL", "MAIL_FROM")


@pytest.fixture
def read(tmp_path, monkeypatch):
    """What the settings are in an environment of the required ones and these; None takes one away."""

    def reading(**own):
        data = own.pop("DATA_DIR", str(tmp_path / "data"))
        given = {name: text for name, text in own.items() if text is not None}
        wanted = environment(Path(data), **given)
        for name in list(wanted):
            bare = name.removeprefix("FILSLUSS_")
            if (
                bare in ("INSIDE_NETWORKS", "FREE_SPACE") and bare not in given
            ):  # what tests have of their own
                del wanted[name]
        for name in (name for name, text in own.items() if text is None):
            wanted.pop(f"FILSLUSS_{name}", None)
        for name in [name for name in os.environ if name.startswith("FILSLUSS_")]:
            monkeypatch.delenv(name)
        for name, text in wanted.items():
            monkeypatch.setenv(name, text)
        return runpy.run_path(settings.__file__)

    return reading


@pytest.fixture
def refusal(read):
    """The one line that such an environment is refused with."""

    def reading(**own):
        with pytest.raises(SettingUnreadable) as refused:
            read(**own)
        return str(refused.value)

    return reading


def policy(name):
    return lambda found: getattr(found["POLICY"], name)


def setting(name):
    return lambda found: found[name]


NETWORKS = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
# name: where it is kept, what it is when nobody sets it, a good value and what is read, and bad values
SETTINGS = {
    "INSIDE_NETWORKS": (
        policy("inside_networks"),
        (),
        "10.0.0.0/8, 2001:db8::/32",
        NETWORKS,
        ["10.0.0.1/8", "10.0.0.0/33", "mitt nät", "10.0.0.0/8;"],
    ),
    "TRUSTED_PROXIES": (
        policy("trusted_proxies"),
        (),
        "10.0.0.0/8,2001:db8::/32",
        NETWORKS,
        ["proxy", "1.2.3"],
    ),
    "MAX_FILE_SIZE": (
        policy("max_file_size"),
        2 * GIB,
        "10GiB",
        10 * GIB,
        ["stor", "-1", "2XB", "GiB", "1e9"],
    ),
    "MAX_TRANSFER_SIZE": (policy("max_transfer_size"), 50 * GIB, "100GiB", 100 * GIB, ["50 apples", "-1"]),
    "MAX_DAYS": (policy("max_days"), 30, "90", 90, ["0", "-1", "trettio", "1.5", "99999"]),
    "DEFAULT_DAYS": (policy("default_days"), 7, "14", 14, ["0", "-1", "sju", "7d"]),
    "DECISION_DAYS": (policy("decision_days"), 7, "14", 14, ["0", "-1", "x"]),
    "FORGET_DAYS": (policy("forget_days"), 30, "0", 0, ["-1", "x"]),
    "AUDIT_DAYS": (policy("audit_days"), 365, "3650", 3650, ["0", "x"]),
    "SECURITY_LOG_DAYS": (policy("security_log_days"), 90, "365", 365, ["0", "x", "99999"]),
    "FREE_SPACE": (policy("free_space_percent"), 5.0, "12.5%", 12.5, ["5", "100%", "-1%", "%", "x%", "nan%"]),
    "LANGUAGE": (policy("language"), "sv", "en", "en", ["fi", "SV", "svenska"]),
    "AT": (policy("at"), "hos", "på", "på", ["h\tos", "i\u200bi"]),
    "TIME_ZONE": (
        policy("time_zone"),
        ZoneInfo("Europe/Stockholm"),
        "Europe/Helsinki",
        ZoneInfo("Europe/Helsinki"),
        ["Mars/Olympus", "../../etc/passwd", "CET+x"],
    ),
    "SUPPORT_EMAIL": (
        policy("support_email"),
        "",
        "it@ltdalarna.se",
        "it@ltdalarna.se",
        ["it", "a@b@c", "å@b.se"],
    ),
    "CONTROLLER": (policy("controller"), "", "Regionstyrelsen", "Regionstyrelsen", ["x" * 101, "a\nb"]),
    "LEGAL_BASIS": (
        policy("legal_basis"),
        None,
        "public-task",
        LegalBasis.PUBLIC_TASK,
        ["public", "PUBLIC-TASK", "public-task, consent"],
    ),
    "DATA_PROTECTION_EMAIL": (
        policy("data_protection_email"),
        "",
        "dso@ltdalarna.se",
        "dso@ltdalarna.se",
        ["dso", "a@b@c"],
    ),
    "ACCESSIBILITY": (
        policy("assessment"),
        None,
        "partly, 2026-11-24, Eva Ek, Region Exempel",
        Assessment(Conformance.PARTLY, date(2026, 11, 24), "Eva Ek, Region Exempel"),
        [
            "partly",
            "partly, 2026-11-24",
            "partly, 2026-11-24, ",
            "mostly, 2026-11-24, Eva Ek",
            "partly, 24 November, Eva Ek",
            "partly, 20261124, Eva Ek",
            "partly, 2026-02-30, Eva Ek",
            "partly, 2026-11-24, Eva\nEk",
            f"partly, 2026-11-24, {'x' * 101}",
        ],
    ),
    "APPLICATIONS_PER_HOUR": (policy("applications_per_hour"), 5, "50", 50, ["0", "-1", "många"]),
    "LETTERS_PER_DAY": (policy("letters_per_day"), 20, "5", 5, ["0", "-1", "x"]),
    "LIST_MINUTES": (
        policy("list_interval"),
        timedelta(hours=4),
        "60",
        timedelta(hours=1),
        ["0", "1441", "4h"],
    ),
    "OUTBOUND_PER_DAY": (policy("outbound_per_day"), 20, "100", 100, ["0", "-1", "x"]),
    "REPORTS_PER_DAY": (policy("reports_per_day"), 5, "2", 2, ["0", "x"]),
    "FEEDBACK_PER_DAY": (policy("feedback_per_day"), 20, "2", 2, ["0", "x"]),
    "WRONG_CODES": (policy("wrong_codes"), 4, "10", 10, ["0", "x"]),
    "THREADS": (setting("THREADS"), 1000, "64", 64, ["0", "1", "-1", "många", "99999"]),
    "WEB_PROCESSES": (setting("WEB_PROCESSES"), 1, "4", 4, ["0", "-1", "x", "1000"]),
    "MAIL_CONNECTIONS": (setting("MAIL_CONNECTIONS"), 4, "1", 1, ["0", "-1", "x", "33"]),
    "SMTP_HELO": (
        setting("SMTP_HELO"),
        "",
        "[IPv6:2001:db8::25]",
        "[IPv6:2001:db8::25]",
        [
            "fts",
            "fts.example.se.",
            "-fts.example.se",
            "fts_1.example.se",
            "öra.example.se",
            "a b.se",
            "a..se",
            f"{'a' * 64}.se",
            "a." * 130 + "se",
            "[192.0.2.999]",
            "[2001:db8::25]",
            "[IPv6:192.0.2.1]",
            "192.0.2.1]",
            "192.0.2.1",
            "fts.example.se\r\nMAIL FROM:<x@y.se>",
        ],
    ),
}
BAD = [(name, bad) for name, (*_, bads) in SETTINGS.items() for bad in bads]
BAD += [
    *[
        ("BASE_URL", bad)
        for bad in (
            "fts.example.se",
            "ftp://fts.example.se",
            "https://",
            "https://fts.example.se/path",
            "https://a@b.se",
            "https://fts.example.se?x",
            "https://fts.example.se:port",
            "https://fts.example.se:99999",
            "https://fts.example.se:0",
            "https://filöverföring.se",
            "https://two hosts.se",
        )
    ],
    *[
        ("INSIDE_DOMAINS", bad)
        for bad in (
            ",",
            "ltdalarna",
            "lt dalarna.se",
            "anna@ltdalarna.se",
            "ltdalarna.ſe",
        )
    ],
    *[
        ("SMTP_URL", bad)
        for bad in (
            "localhost:25",
            "http://localhost",
            "smtp://",
            "smtp://host:port",
            "smtp://host:99999",
            "smtp://host/path",
        )
    ],
    *[("MAIL_FROM", bad) for bad in ("filsluss", "Filsluss <filsluss@ltdalarna.se>", "a@b@c", "a\n@b.se")],
    *[
        ("DATABASE_URL", bad)
        for bad in (
            "mysql://h/d",
            "sqlite:///x",
            "/tmp/x",
            "postgresql://h",
            "postgresql://h:x/d",
            "postgresql://h:1,g:y/d",
        )
    ],
    *[("BLOB_URL", bad) for bad in ("/srv/blobs", "ftp://host/blobs", "blobs")],
    ("DATA_DIR", "/dev/null/data"),
]


def named(pairs):
    return [f"{name}={value}" for name, value in pairs]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_has_this_default_and_reads_this(read, name):
    where, default, good, meant, _ = SETTINGS[name]
    assert where(read()) == default
    assert where(read(**{name: ""})) == default
    assert where(read(**{name: f" {good} "})) == meant


def test_the_required_ones_are_read(read):
    found = read(
        BASE_URL="https://fts.example.se/",
        ORGANISATION="Landstinget Dalarna",
        INSIDE_DOMAINS="LTDalarna.se, .region.example, .Region-Örebro.example",
        MAIL_FROM="fts@ltdalarna.se",
        SMTP_URL="smtp+starttls://anv%40ndare:hemligt%2F1@post.ltdalarna.se",
    )
    policy = found["POLICY"]
    assert (policy.base_url, policy.organisation) == ("https://fts.example.se", "Landstinget Dalarna")
    assert (policy.inside_domains, policy.mail_from) == (
        ("ltdalarna.se", ".region.example", ".xn--region-rebro-bjb.example"),
        "fts@ltdalarna.se",
    )
    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")
    assert [found[f"EMAIL_{name}"] for name in names] == [
        "post.ltdalarna.se",
        587,
        "anv@ndare",
        "hemligt/1",
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("url", "port", "ssl", "tls"),
    [
        ("smtp://host", 25, False, False),
        ("smtp://host:2525", 2525, False, False),
        ("smtps://host", 465, True, False),
        ("smtp+starttls://host:25", 25, False, True),
    ],
)
def test_mail_uses_this_port_and_this_encryption(read, url, port, ssl, tls):
    found = read(SMTP_URL=url)
    assert [found[f"EMAIL_{name}"] for name in ("HOST", "PORT", "USE_SSL", "USE_TLS")] == [
        "host",
        port,
        ssl,
        tls,
    ]


@pytest.mark.parametrize(("name", "bad"), BAD, ids=named(BAD))
def test_a_value_that_cannot_be_read_is_named_in_one_line(refusal, name, bad):
    assert re.fullmatch(rf"FILSLUSS_{name}: cannot read .+: .+", refusal(**{name: bad}))


@pytest.mark.parametrize(
    "url", ["s3://key:kanelbulle@files/x", "s3://files?endpoint=http%3A//key:kanelbulle@host"]
)
def test_a_password_in_an_address_that_has_none_is_not_shown(refusal, url):
    assert refusal(BLOB_URL=url).startswith("FILSLUSS_BLOB_URL: cannot read its value: ")


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_setting_that_is_missing_or_empty_is_named(refusal, name):
    assert refusal(**{name: None}) == f"FILSLUSS_{name} is missing"
    assert refusal(**{name: "  "}) == f"FILSLUSS_{name} is missing"


@pytest.mark.parametrize("name", ["MAIL_FROM_FILE", "DEBUG", "", "CONFIG_FILES_MANY"])
def test_a_name_nobody_knows_is_named(refusal, name):
    assert refusal(**{name: "1"}).startswith(f"FILSLUSS_{name} is not a setting of Filsluss")


@pytest.mark.parametrize("name", ["MAX_DAY", "MAX_DAYS ", "max_days", "MAXDAYS", "MAX-DAYS"])
def test_the_setting_that_is_meant_is_named(refusal, name):
    said = refusal(**{name: "1"})
    assert said == f"FILSLUSS_{name} is not a setting of Filsluss; is FILSLUSS_MAX_DAYS meant?"


def test_a_name_in_small_letters_is_not_passed_over(refusal, monkeypatch):
    monkeypatch.setenv("filsluss_max_days", "5")
    assert refusal().startswith("filsluss_max_days is not a setting of Filsluss")


def test_a_bucket_is_read_and_goes_with_postgresql_and_a_whole_key(read, refusal):
    bucket = {"BLOB_URL": "s3://files/fts?endpoint=https://s3.region.example&region=se-1"}
    rows = {"DATABASE_URL": "postgresql://host/d"}
    found = read(**bucket, **rows, S3_ACCESS_KEY="name", S3_SECRET_KEY="key")
    assert (found["BLOB_URL"], found["S3_KEYS"]()) == (bucket["BLOB_URL"], ("name", "key"))
    assert BucketAddress.of(found["BLOB_URL"]) == BucketAddress(
        "files", "fts/", "https://s3.region.example", "se-1"
    )
    assert refusal(**bucket).endswith("a bucket needs PostgreSQL: set FILSLUSS_DATABASE_URL")
    for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY"):
        assert refusal(**bucket, **rows, **{name: "name"}).startswith(f"FILSLUSS_{name}: goes together with")
    assert read(**bucket, **rows)["S3_KEYS"]() == ("", "")


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://anna:kanel@a,b/d?target_session_attrs=read-write", "a,b", ","),
        ("postgresql://anna:kanel@a:5432,B:6432/d?target_session_attrs=read-write", "a,B", "5432,6432"),
        ("postgresql://anna:kanel@/d?host=a,b&port=5432,6432&target_session_attrs=any", "a,b", "5432,6432"),
        ("postgresql://anna:kanel@%2Frun%2FPG/d", "/run/PG", ""),
        ("postgresql://anna:kanel@[::1]:5433/d", "::1", "5433"),
    ],
)
def test_a_database_may_have_several_hosts(read, url, host, port):
    found = read(DATABASE_URL=url)["DATABASES"]["default"]
    assert [found[name] for name in ("HOST", "PORT", "USER", "PASSWORD")] == [host, port, "anna", "kanel"]
    assert found["OPTIONS"].get("target_session_attrs", "none") in url or "?" not in url


def test_a_database_that_says_nothing_is_given_up_unless_the_url_says_otherwise(read):
    found = read(DATABASE_URL="postgresql://host/d?connect_timeout=9")["DATABASES"]["default"]["OPTIONS"]
    assert (found["connect_timeout"], found["keepalives_idle"], found["tcp_user_timeout"]) == (
        "9",
        "10",
        "25000",
    )


def test_an_account_is_never_longer_by_default_than_it_may_be(read, refusal):
    assert read(MAX_DAYS="5")["POLICY"].default_days == 5
    assert refusal(MAX_DAYS="5", DEFAULT_DAYS="6") == "FILSLUSS_DEFAULT_DAYS is more than FILSLUSS_MAX_DAYS"


SECRET = {
    "SMTP_URL": ("smtp://anna:kanel%2Fbulle@post:26", setting("EMAIL_HOST_PASSWORD"), "kanel/bulle"),
    "DATABASE_URL": (
        "postgresql://anna:kanelbulle@host/d",
        lambda found: found["DATABASES"]["default"]["PASSWORD"],
        "kanelbulle",
    ),
    "SECRET_KEY": ("k" * 40, setting("SECRET_KEY"), "k" * 40),
    "SECRET_KEY_OLD": ("a" * 40 + "," + "b" * 40, setting("SECRET_KEY_FALLBACKS"), ["a" * 40, "b" * 40]),
}


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_may_lie_in_a_file(read, refusal, tmp_path, name):
    text, where, meant = SECRET[name]
    path = tmp_path / "secret"
    path.write_text(f"{text}\n")
    assert where(read(**{f"{name}_FILE": str(path), name: None})) == meant
    missing = refusal(**{f"{name}_FILE": str(tmp_path / "none"), name: None})
    assert re.fullmatch(rf"FILSLUSS_{name}_FILE: cannot read .+", missing)
    path.write_bytes(b"\xff\xfe")
    assert re.fullmatch(
        rf"FILSLUSS_{name}_FILE: cannot read .+", refusal(**{f"{name}_FILE": str(path), name: None})
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "smtp://anna:kanel/bulle@post"),
        ("SMTP_URL", "smtp://anna:kanelbulle@post:x"),
        ("SMTP_URL", "gopher://anna:kanelbulle@post"),
        ("SMTP_URL", "smtp://anna:kanel:bulle@[post"),
        ("DATABASE_URL", "postgresql://anna:kanel/bulle@host/d"),
        ("DATABASE_URL", "mysql://anna:kanelbulle@host/d"),
    ],
)
def test_a_secret_that_cannot_be_read_is_not_told(refusal, name, value):
    line = refusal(**{name: value})
    assert (line.startswith(f"FILSLUSS_{name}: "), "kanel" in line, "bulle" in line) == (True, False, False)


def test_the_secret_key_is_made_once_long_and_for_us_alone(read, refusal, tmp_path):
    first, second = read(), read()
    path = tmp_path / "data" / "secret_key"
    assert first["SECRET_KEY"] == second["SECRET_KEY"] == path.read_text()
    assert len(first["SECRET_KEY"]) == 64
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]
    path.write_text("")
    assert refusal().startswith("FILSLUSS_DATA_DIR: ")


BROKEN = {"MAX_DAYS": "trettio", "MAX_DAY": "30", "SMTP_URL": "", "DATABASE_URL": "mysql://h/d"}
COMMANDS = [
    ["serve"],
    ["web"],
    ["worker"],
    ["worker", "--once"],
    ["check"],
    ["list"],
    ["migrate"],
    ["show", "X"],
]


def run(tmp_path, *words, **own):
    return Service(tmp_path / "data", **own).run(*words, check=False)


@pytest.mark.parametrize(
    ("words", "name"),
    [*[(words, "MAX_DAYS") for words in COMMANDS], *[(["serve"], name) for name in BROKEN]],
    ids=lambda given: " ".join(given) if isinstance(given, list) else given,
)
def test_every_command_stops_at_a_wrong_setting_with_status_1_and_one_line(tmp_path, words, name):
    ran = run(tmp_path, *words, **{name: BROKEN[name]})
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"filsluss: FILSLUSS_{name}")


@pytest.mark.parametrize(
    "words",
    [
        ["serv"],
        ["serve", "--port", "http"],
        ["web", "--port", "70000"],
        ["serve", "--port", "0"],
        ["serve", "--port", "٨٠٠٠"],
        ["worker", "--twice"],
        ["show"],
        ["list", "--state", "lost"],
        ["remove", "K7PM-4QXD"],
        ["close", "--reason", "x"],
        ["demo", "--port", "x"],
    ],
    ids=" ".join,
)
def test_bad_usage_gets_status_2_and_no_traceback(tmp_path, words):
    ran = run(tmp_path, *words)
    assert (ran.returncode, ran.stdout, "Traceback" in ran.stderr) == (2, "", False)
    assert ran.stderr


def test_help_needs_no_reading_of_the_manual(tmp_path):
    ran = run(tmp_path, "help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert {"serve", "web", "worker", "check", "list", "show", "remove", "close", "demo"} <= set(
        ran.stdout.split()
    )


def test_live_links_and_codes_outlive_a_change_of_the_secret_key(make_service, mail_server):
    service = make_service(SECRET_KEY="a" * 40).start()
    upload = apply(service, FORM).location
    send_tus(service, upload, b"x", filename="a.txt", with_code="1")
    letter = mail_server.one("file-ready")
    (code,) = re.findall(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b", letter.text)
    service.stop()
    service.env |= {"FILSLUSS_SECRET_KEY": "b" * 40, "FILSLUSS_SECRET_KEY_OLD": "a" * 40}
    service.start()
    assert fetch(service, letter).body == b"x"
    assert service.post("/code", {"code": code}).status == 303
    send_tus(service, upload, b"y", filename="b.txt")
    assert [fetch(service, each).body for each in mail_server.wait_for("file-ready", to=BO, count=2)] == [
        b"x",
        b"y",
    ]


def test_without_the_old_key_codes_stop_working_but_mailed_links_open_and_the_service_goes_on(
    make_service, mail_server
):
    service = make_service(SECRET_KEY="a" * 40).start()
    upload = apply(service, FORM).location
    send_tus(service, upload, b"x", with_code="1")
    letter = mail_server.one("file-ready")
    (code,) = re.findall(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b", letter.text)
    service.stop()
    service.env |= {"FILSLUSS_SECRET_KEY": "b" * 40}
    ran = service.run("serve", "--port", str(service.port), check=False)
    assert (ran.returncode, "FILSLUSS_SECRET_KEY_OLD" in ran.stderr, ran.stderr.count("\n")) == (1, True, 1)
    assert "WRONG secret key: the secret key is not the one" in service.run("check", check=False).stdout
    service.run("rekey")
    service.start()
    assert service.post("/code", {"code": code}).status == 422
    assert fetch(service, letter).body == b"x"  # the row knows the digest of the link itself, not its key
    assert send_tus(service, upload, b"y").status == 204
    service.run_worker()
