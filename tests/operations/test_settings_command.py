"""`filsluss settings`: what is in force and where it came from, and no secret."""

import re

import pytest

from filsluss.conf.table import TABLE
from tests.operations.test_settings_file import machine, write_settings
from tests.parts.mail_server import free_port

__all__ = ["machine"]  # a fixture

SHOWN = [row for row in TABLE if not row.is_ours]
LINE = re.compile(r"(FILSLUSS_\w+) +(.+?)  \((.+)\)")


def told(ran):
    """Value and source by name, without FILSLUSS_."""
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = [LINE.fullmatch(line) for line in ran.stdout.splitlines()]
    assert None not in lines, ran.stdout
    return {line[1].removeprefix("FILSLUSS_"): (line[2], line[3]) for line in lines}


def test_each_setting_is_shown_with_its_value_and_its_source(machine, tmp_path):
    file, key = tmp_path / "filsluss.env", tmp_path / "key"
    key.write_text("kanelbulle" * 5)
    write_settings(file, FILSLUSS_MAX_DAYS="5", FILSLUSS_SECRET_KEY_FILE=str(key), FILSLUSS_LOGO="")
    found = told(machine("settings", FILSLUSS_LANGUAGE=" en ", FILSLUSS_DATA_DIR="here"))
    assert list(found) == [row.name.removeprefix("FILSLUSS_") for row in SHOWN]
    assert {name: found[name] for name in ("LANGUAGE", "DATA_DIR", "MAX_DAYS", "DEFAULT_DAYS", "LOGO")} == {
        "LANGUAGE": ("en", "environment"),
        "DATA_DIR": ("here", "environment"),
        "MAX_DAYS": ("5", str(file)),
        "DEFAULT_DAYS": ("5", "default"),  # it is 7 where accounts may be that long
        "LOGO": ("none", "default"),
    }
    assert found["SECRET_KEY"] == ("[secret]", f"{key}, named in {file}")
    assert found["BLOB_URL"] == ((tmp_path / "here" / "blobs").as_uri(), "default")
    assert found["CONFIG"] == (str(file), "default")


def test_no_secret_is_shown_wherever_it_comes_from(machine, tmp_path):
    away = f"postgresql://anna:kanelbulle@127.0.0.1:{free_port()}/filsluss"
    write_settings(tmp_path / "filsluss.env", FILSLUSS_SMTP_URL="smtp://anna:kanelbulle@localhost")
    ran = machine("settings", FILSLUSS_DATABASE_URL=away, FILSLUSS_SECRET_KEY_OLD="kanelbulle" * 4)
    found = told(ran)  # and it needs no database
    secrets = {row.name.removeprefix("FILSLUSS_") for row in SHOWN if row.is_secret}
    assert {name: value for name, (value, _) in found.items() if name in secrets} == {
        "SMTP_URL": "[secret]",
        "DATABASE_URL": "[secret]",
        "DATABASE_DIRECT_URL": "FILSLUSS_DATABASE_URL",
        "SECRET_KEY": "generated once, in the data folder",
        "SECRET_KEY_OLD": "[secret]",
        "S3_ACCESS_KEY": "what the machine is allowed by its surroundings, as botocore finds it",
        "S3_SECRET_KEY": "none",
        "OIDC_CLIENT_SECRET": "none",
        "OIDC_PRIVATE_KEY": "none",
    }
    made = (tmp_path / "data" / "secret_key").read_text()
    assert [word for word in ("kanelbulle", "anna", made) if word in ran.stdout] == []


@pytest.mark.parametrize("own", [{"FILSLUSS_MAX_DAYS": "trettio"}, {"FILSLUSS_MAX_DAY": "3"}])
def test_a_wrong_setting_is_told_as_by_every_command(machine, tmp_path, own):
    write_settings(tmp_path / "filsluss.env")
    ran = machine("settings", **own)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
