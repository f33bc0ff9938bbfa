"""Every setting with every kind of wrong value: refused in one line that names it and says what is wanted."""

import os
import re
from pathlib import Path

import pytest

from filsluss.conf.document import replaced
from filsluss.conf.table import TABLE
from tests.test_settings import read, refusal

__all__ = ["read", "refusal"]  # fixtures

ROOT = Path(__file__).parents[2]


def bare(row):
    return row.name.removeprefix("FILSLUSS_")


WRONG = {
    "negative": "-1",
    "nonsense": "nonsense!",
    "far too large": "9" * 30,
    "wrong unit": "5 bananas",
    "other digits": "٣٠",
    "underscore": "1_000",
    "plus": "+5",
    "exponent": "1e3",
    "several lines": "a\nb",
    "a bracket": "https://[::1",
    "commas": ",,",
    "far too long": "x" * 10_000,
}
NUMBERS = {
    "AUDIT_DAYS",
    "DECISION_DAYS",
    "DEFAULT_DAYS",
    "FORGET_DAYS",
    "FREE_SPACE",
    "MAX_DAYS",
    "MAX_FILE_SIZE",
    "MAX_TRANSFER_SIZE",
    "THREADS",
    "WEB_PROCESSES",
}
# What takes a text of any kind: a name, a key, a folder, a file that is read.
FREE = {
    "ORGANISATION": {*WRONG} - {"several lines", "far too long"},
    "CONTROLLER": {*WRONG} - {"several lines", "far too long"},
    "NODE": {"far too large", "exponent"},
    "SECRET_KEY": {*WRONG},
    "SECRET_KEY_OLD": {*WRONG} - {"commas"},
    "DATA_DIR": {*WRONG} - {"far too long"},
}
FOR_OPERATORS = [row for row in TABLE if not row.is_ours]
SETTINGS = sorted(bare(row) for row in FOR_OPERATORS if row.name != "FILSLUSS_CONFIG")
SECRETS = sorted(bare(row) for row in FOR_OPERATORS if row.is_secret)
CASES = [
    (name, value) for name in SETTINGS for kind, value in WRONG.items() if kind not in FREE.get(name, ())
]


@pytest.mark.parametrize(("name", "value"), CASES, ids=[f"{n}={v[:16]!a}" for n, v in CASES])
def test_a_wrong_value_is_refused_in_one_line_that_names_the_setting(refusal, name, value):
    line = refusal(**{name: value})
    assert re.match(rf"FILSLUSS_{name}(_FILE)?: ", line), line
    assert "\n" not in line
    assert "invalid literal" not in line
    assert len(line) < 300


@pytest.mark.parametrize("name", sorted(NUMBERS - {"FORGET_DAYS", "FREE_SPACE"}))
def test_zero_is_refused_where_it_means_nothing(refusal, name):
    assert refusal(**{name: "0"}).startswith(f"FILSLUSS_{name}: ")


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_OLD", "DATABASE_URL", "DATA_DIR"])
def test_an_empty_value_that_would_mean_another_installation_is_refused(refusal, name):
    assert refusal(**{name: " "}) == f"FILSLUSS_{name} is empty: give it a value, or remove it"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secrets_file_that_is_empty_or_has_no_end_is_refused(refusal, tmp_path, name):
    (tmp_path / "empty").write_text(" \n")
    assert re.match(
        f"FILSLUSS_{name}_FILE: .* is empty", refusal(**{f"{name}_FILE": str(tmp_path / "empty"), name: None})
    )
    assert refusal(**{f"{name}_FILE": "/dev/zero", name: None}).startswith(f"FILSLUSS_{name}_FILE: ")
    both = refusal(**{f"{name}_FILE": "/dev/zero", name: "smtp://a"})
    assert both == f"FILSLUSS_{name} and FILSLUSS_{name}_FILE are both set: remove one"


UNREADABLE = {
    "a byte order mark": b"\xef\xbb\xbf" + b"k" * 40,
    "nothing but that": b"\xef\xbb\xbf\n",
    "a letter that nobody sees": "\u200b\n".encode(),
    "two lines": b"k" * 40 + b"\n" + b"l" * 40,
    "Latin-1": b"k\xe5" * 20,
    "UTF-16": ("k" * 40).encode("utf-16"),
    "a NUL": b"k" * 40 + b"\0",
}


@pytest.mark.parametrize("kind", ["SECRET_KEY", "SECRET_KEY_OLD"])
@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_a_key_that_another_program_would_read_otherwise_is_refused(refusal, tmp_path, kind, content):
    (tmp_path / "key").write_bytes(content)
    assert refusal(**{f"{kind}_FILE": str(tmp_path / "key")}).startswith(f"FILSLUSS_{kind}")


@pytest.mark.parametrize("name", ["SECRET_KEY_FILE", "SMTP_URL_FILE", "LOGO", "CONFIG", "OIDC_CA"])
def test_a_pipe_that_nobody_writes_to_does_not_hold_up_the_start(refusal, tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    own = (
        {name: str(tmp_path / "pipe"), "SMTP_URL": None}
        if name == "SMTP_URL_FILE"
        else {name: str(tmp_path / "pipe")}
    )
    assert "is not a file" in refusal(**own)


def test_a_name_in_the_settings_file_that_lacks_its_beginning_is_refused(refusal, tmp_path):
    (tmp_path / "filsluss.env").write_text("MAX_DAYS=5\n")
    said = refusal(CONFIG=str(tmp_path / "filsluss.env"))
    assert said.endswith("filsluss.env sets MAX_DAYS, which nobody reads: see FILSLUSS_MAX_DAYS")


@pytest.mark.parametrize("name", ["INSIDE_NETWORKS", "TRUSTED_PROXIES", "METRICS_NETWORKS"])
@pytest.mark.parametrize(
    "wide",
    ["0.0.0.0/0", "::/0", "0.0.0.0/1,128.0.0.0/1", "2000::/3", "::ffff:0:0/96", "64:ff9b::/96", "2002::/16"],
)
def test_a_network_that_holds_the_world_is_refused(refusal, name, wide):
    assert "too wide" in refusal(**{name: wide})


def test_a_transfer_holds_at_least_one_file_of_the_largest_size(read, refusal):
    assert "FILSLUSS_MAX_TRANSFER_SIZE is less" in refusal(MAX_TRANSFER_SIZE="1GiB", MAX_FILE_SIZE="2GiB")
    assert read(MAX_TRANSFER_SIZE="1GiB")["POLICY"].max_file_size == 1 << 30


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASE_URL", "https://a@fts.example.se"),
        ("BASE_URL", "https://@fts.example.se"),
        ("SMTP_URL", "smtp://host:0"),
        ("SMTP_URL", "smtp://two hosts"),
        ("SMTP_URL", "smtp://pöst.example"),
        ("LOGO", "/dev/zero"),
        ("LOGO", "/"),
        ("CLAMD", "tcp:host:٣٣١٠"),
        ("CLAMD", "unix:clamd.ctl"),
        ("BLOB_URL", "s3://"),
        ("BLOB_URL", "s3://Bucket"),
        ("BLOB_URL", "s3://bucket?endpoint=s3.region.example"),
        ("BLOB_URL", "s3://bucket?endpoint=https://s3.region.example/path"),
        ("BLOB_URL", "s3://bucket?bucket=b"),
        ("BLOB_URL", "s3://bucket/a?b/c"),
        ("BLOB_URL", "s3://bucket"),  # with SQLite
        ("FREE_SPACE", "٥%"),
        ("FREE_SPACE", "100%"),
        ("INSIDE_DOMAINS", "*"),
        ("INSIDE_DOMAINS", ".se"),
        ("BASE_URL", "https://fts..example.se"),
        ("BASE_URL", "https://.fts.example.se"),
        ("BASE_URL", "https://-fts.example.se"),
        ("BASE_URL", f"https://{'a' * 64}.se"),
        ("BASE_URL", f"https://{'a.' * 150}se"),
        ("BASE_URL", "https://999.1.1.1"),
        ("BASE_URL", "https://1.2.3"),
        ("BASE_URL", "https://0"),
        ("SMTP_URL", "smtp://..."),
        ("SMTP_URL", "smtp://-h"),
        ("SMTP_URL", "smtp://h..i"),
        ("SMTP_URL", "smtp://1.2.3"),
        ("SMTP_URL", "smtp://anna@post"),
        ("SMTP_URL", "smtp://:kanelbulle@post"),
        ("SMTP_URL", "smtp://anna:%00@post"),
        ("SMTP_URL", "smtp://anna:%0d%0a@post"),
        ("SMTP_URL", "smtp://anna:%e5@post"),
        ("DATABASE_URL", "postgresql://h/d?x=1"),
        ("DATABASE_URL", "postgresql://h/d?pool=1"),
        ("DATABASE_URL", "postgresql://h/d?isolation_level=9"),
        ("DATABASE_URL", "postgresql://h/d#x"),
        ("DATABASE_URL", "postgresql://h/d%00"),
        ("BLOB_URL", "file:///"),
        ("BLOB_URL", "file:///tmp/x?y"),
        ("BLOB_URL", "file:///tmp/x#y"),
        ("BLOB_URL", "file:///tmp/%00"),
        ("BLOB_URL", "file:///dev/null"),
        ("BLOB_URL", "file:///etc/passwd/x"),
        ("DATA_DIR", "~/filsluss"),
        ("DATA_DIR", "$HOME/filsluss"),
        ("DATA_DIR", '"/var/lib/filsluss"'),
        ("DATA_DIR", "file:///var/lib/filsluss"),
        *(
            ("DATA_DIR", folder)
            for folder in ("%S/filsluss", "{{ data }}", "`pwd`", "C:\\filsluss", "\\\\nas\\f")
        ),
        ("SECRET_KEY", "\ufeff" + "k" * 40),
        ("SECRET_KEY", "k" * 40 + "\n" + "l" * 40),
        ("SECRET_KEY_OLD", "\u200b"),
        ("ORGANISATION", "\u3164"),
        ("ORGANISATION", '"Region Exempel"'),
        ("ORGANISATION", "Region\u202eExempel"),
        ("TIME_ZONE", "right/UTC"),
        ("TIME_ZONE", "posix/Europe/Stockholm"),
        ("TIME_ZONE", "localtime"),
        ("CLAMD", "tcp://clamd:3310"),
        ("CLAMD", "tcp:two hosts:3310"),
        ("CLAMD", f"unix:/{'a' * 200}"),
        ("INSIDE_NETWORKS", "0.0.0.0"),
        ("TRUSTED_PROXIES", "::"),
        ("ADMIN_EMAIL", "a@region.example,b"),
        ("BASE_URL", "https://fts.\nregion.example"),
        ("BASE_URL", "http://0.0.0.0:8000"),
        ("BASE_URL", "http://[::]:8000"),
        ("SMTP_URL", "smtp://po\nst"),
        ("SMTP_URL", "smtp://anna:kanelbulle\u200b@post"),
        ("DATABASE_URL", "postgresql://h\n/d"),
        ("DATABASE_URL", "postgresql://h/d\u200b"),
        ("DATABASE_URL", "postgresql://h:0/d"),
        ("DATABASE_URL", "postgresql://anna:%00@h/d"),
        ("BLOB_URL", "file:///tmp/x\ny"),
        ("CLAMD", "unix:/run/clamd.ctl\u200b"),
        ("DATA_DIR", "/nowhere/a\nb"),
        ("ORGANISATION", "\u201dRegion Exempel\u201d"),
        ("ORGANISATION", "\u00abRegion Exempel\u00bb"),
        ("ORGANISATION", "Region J\ufffdmtland"),
        ("INSIDE_NETWORKS", "2a00::/12"),
        ("TRUSTED_PROXIES", "2001::/16"),
        ("METRICS_NETWORKS", "2600::/23"),
        *(("DATA_DIR", folder) for folder in ("/", "/etc", "/tmp", "/var/lib/", "/dev/shm", "/usr/../etc")),
    ],
)
def test_a_value_that_only_looks_right_is_refused(refusal, name, value):
    assert refusal(**{name: value}).startswith(f"FILSLUSS_{name}: ")


PROVIDER = {
    "OIDC_ISSUER": "https://id.region.example",
    "OIDC_CLIENT_ID": "filsluss",
    "OIDC_CLIENT_SECRET": "kanelbulle",
}
BUCKET = {
    "DATABASE_URL": "postgresql://h/d",
    "BLOB_URL": "s3://bucket",
    "S3_ACCESS_KEY": "a",
    "S3_SECRET_KEY": "b",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("OIDC_ISSUER", f"https://{host}") for host in ("id..example", "-id.example", "1.2.3", "id:99999")),
        ("OIDC_ISSUER", "https://id.example\\x"),
        ("OIDC_ISSUER", "https://id.example:0"),
        *(("OIDC_CLIENT_SECRET", secret) for secret in ("\ufeffkanel", "kanel\nbulle", "\u200b", "a\tb")),
        ("OIDC_SCOPE", 'openid "email"'),
        *(("OIDC_ADDRESS_CLAIM", claim) for claim in ("a..b", "a.")),
        ("OIDC_CA", "/dev/null"),
        ("ROLE_GROUPS", "a=administrator;b=auditor"),
        ("ROLE_GROUPS", "a=administrator b=auditor"),
        ("ROLE_GROUPS", "a=registrar:"),
        ("ROLE_GROUPS", "a=registrar:other.example"),
        ("ROLE_GROUPS", "a\u200b=administrator"),
        ("SHARED_MAILBOXES", "a@ltdalarna.se=g;b@ltdalarna.se=h"),
        ("SHARED_MAILBOXES", "a@ltdalarna.se=g b@ltdalarna.se=h"),
    ],
)
def test_a_setting_of_sign_in_that_only_looks_right_is_refused(refusal, name, value):
    assert refusal(**{**PROVIDER, name: value}).startswith(f"FILSLUSS_{name}: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("S3_ACCESS_KEY", key) for key in ("\u200b", "\ufeffa", "a\nb", "a\tb")),
        *(("S3_SECRET_KEY", key) for key in ("\u200b", "\ufeffa", "a\nb", "a\tb")),
        *(("BLOB_URL", f"s3://{bucket}") for bucket in ("1.2.3.4", "buc\nket", "bucket#x", "bucket/../x")),
        ("BLOB_URL", f"s3://bucket/{'x' * 600}"),
        *(("BLOB_URL", f"s3://bucket?region={region}") for region in ("a b", "å", "x" * 64)),
        ("BLOB_URL", "s3://bucket?region=a&region=b"),
        *(
            ("BLOB_URL", f"s3://bucket?endpoint=https://{host}")
            for host in ("999.1.1.1", "-x", "x..y", "two hosts", "x:99999", "x:0")
        ),
    ],
)
def test_a_bucket_that_only_looks_right_is_refused(refusal, name, value):
    assert refusal(**{**BUCKET, name: value}).startswith(f"FILSLUSS_{name}: ")


@pytest.mark.parametrize("name", [name for name in SECRETS if name != "SMTP_URL"])  # that one is missing
@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_an_empty_secret_is_refused_however_it_is_given(refusal, tmp_path, name, empty):
    own = {**PROVIDER, **BUCKET, name: empty}
    words = f"FILSLUSS_{name} is empty: give it a value, or remove it"
    assert refusal(**own) == words
    (tmp_path / "filsluss.env").write_text(f'FILSLUSS_{name}="{empty}"\n')
    assert refusal(**{**own, name: None, "CONFIG": str(tmp_path / "filsluss.env")}) == words


def test_a_list_may_have_a_line_for_each(read):
    found = read(ADMIN_EMAIL="a@region.example,\n  b@region.example")
    assert found["POLICY"].admin_emails == ("a@region.example", "b@region.example")


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfFILSLUSS_MAX_DAYS=5\n", b"\xef\xbb\xbf# a comment\n"])
def test_a_settings_file_with_a_byte_order_mark_is_told_of_by_that_name(refusal, tmp_path, content):
    (tmp_path / "filsluss.env").write_bytes(content)
    assert "begins with a byte order mark" in refusal(CONFIG=str(tmp_path / "filsluss.env"))


def test_a_refusal_says_what_is_wanted_in_words(refusal):
    assert refusal(MAX_DAYS="trettio").endswith("must be a whole number from 1 to 3650")
    assert refusal(INSIDE_DOMAINS="region").endswith("'region' is not a domain such as region.example")
    assert refusal(MAIL_FROM="region").endswith("is not an email address")
    assert refusal(MAX_FILE_SIZE="0").endswith("must be from 1 MiB to 1024 TiB")


def test_the_table_in_operations_is_what_the_generator_writes():
    page = (ROOT / "docs/operations.md").read_text()
    assert replaced(page) == page


def test_every_setting_has_its_line_in_operations():
    tables = (ROOT / "docs/operations.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:4] for line in tables.splitlines() if line.startswith("| `FILSLUSS_")]
    found = {re.findall(r"`FILSLUSS_([A-Z0-9_]+)`", name)[0]: row for row in rows for name in row[:1]}
    assert sorted(found) == sorted({*SETTINGS, "CONFIG"})
    assert len(rows) == len(found)
    assert [name for name, row in found.items() if not all(cell.strip() for cell in row)] == []
    assert sorted(name for name, row in found.items() if "*" in row[0]) == SECRETS
    assert {name for name, row in found.items() if "required" in row[1]} == {
        bare(row) for row in TABLE if row.is_required
    }
