"""The secret key: who may read it, and that nobody goes on with another one by mistake."""

import pytest

from filsluss.actions import key_fingerprint
from tests.operations.test_settings_file import machine, write_settings
from tests.parts.mail_server import free_port

__all__ = ["machine"]  # a fixture


def verdict(ran):
    return next(line for line in ran.stdout.splitlines() if " secret key: " in line)


@pytest.mark.parametrize("mode", [0o644, 0o604])
def test_a_secrets_file_that_others_can_read_is_wrong(machine, tmp_path, mode):
    (tmp_path / "system").mkdir(mode=0o700)
    key = tmp_path / "key"
    key.write_text("k" * 40)
    key.chmod(mode)
    write_settings(tmp_path / "filsluss.env", FILSLUSS_SECRET_KEY_FILE=str(key))
    assert verdict(machine("check")) == f"WRONG secret key: {key} can be read by others: chmod 600"
    key.chmod(0o640)
    assert verdict(machine("check")).startswith("OK ")


def test_settings_with_a_password_that_others_can_read_are_wrong(machine, tmp_path):
    (tmp_path / "system").mkdir(mode=0o700)
    settings = tmp_path / "filsluss.env"
    write_settings(settings, FILSLUSS_SMTP_URL="smtp://anna:hemligt@localhost")
    settings.chmod(0o644)
    assert f"WRONG secret key: {settings} can be read by others" in machine("check").stdout
    write_settings(settings)
    settings.chmod(0o644)
    assert verdict(machine("check")).startswith("OK ")


@pytest.mark.django_db
def test_a_key_is_known_by_its_fingerprint_and_by_those_of_the_keys_before_it():
    assert key_fingerprint.note(["a"])
    assert key_fingerprint.note(["b", "a"])
    assert key_fingerprint.note(["a", "b"])  # another machine, in the middle of the change
    assert not key_fingerprint.note(["c"])
    assert (key_fingerprint.is_known(["c"]), key_fingerprint.is_known(["a"])) == (False, True)
    key_fingerprint.replace("c")
    assert key_fingerprint.note(["c"])


def test_with_another_key_nothing_starts_until_somebody_says_that_it_is_meant(make_service):
    service = make_service(SECRET_KEY="a" * 40)
    service.start().stop()
    service.env["FILSLUSS_SECRET_KEY"] = "b" * 40
    for words in (["serve", "--port", str(free_port())], ["web", "--port", str(free_port())], ["worker"]):
        ran = service.run(*words, check=False)
        assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
        assert "the secret key is not the one that links and codes were made with" in ran.stderr
    service.env["FILSLUSS_SECRET_KEY_OLD"] = "a" * 40
    service.start().stop()
    service.env |= {"FILSLUSS_SECRET_KEY": "c" * 40, "FILSLUSS_SECRET_KEY_OLD": "d" * 40}
    service.run("rekey")
    service.start().stop()
