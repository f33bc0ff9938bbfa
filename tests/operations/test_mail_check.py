"""`filsluss check` and the mail server: as far as RCPT, in words that help; and one real letter."""

import pytest
from django.core.management import CommandError, call_command

from filsluss.ops import mail_check
from filsluss.ops.checks import run_checks
from tests.letters.cases import example_policy

ADMIN = "drift@ltdalarna.se"
WRONG = {
    "starttls": ({"MAIL": ["530 5.7.0 Must issue a STARTTLS command first"]}, "smtp+starttls://"),
    "sign-in": ({"MAIL": ["530 5.7.0 Authentication required"]}, "put user and password into FILSLUSS_SMTP"),
    "sign-in at rcpt": ({"RCPT": ["550 5.7.1 Client was not authenticated"]}, "put user and password"),
    "helo": (
        {"RCPT": ["504 5.5.2 <a1b2>: Helo command rejected: no domain"]},
        "FILSLUSS_SMTP_HELO",
    ),
    "relay": ({"RCPT": ["554 5.7.1 <x>: Relay access denied"]}, "does not relay for this machine"),
    "sender": ({"MAIL": ["550 5.1.0 not you"]}, "FILSLUSS_MAIL_FROM"),
    "greylisted": ({"RCPT": ["450 4.2.0 come back"]}, "check again"),
    "no reader": ({"RCPT": ["550 5.1.1 no such user"]}, "the address is refused"),
    "cut": ({"RCPT": ["drop"]}, "cannot be used"),
    "busy": ({"MAIL": ["421 4.3.2 too busy"]}, "too busy"),
}


@pytest.fixture(autouse=True)
def policy(settings):
    settings.POLICY = example_policy(admin_emails=(ADMIN,))
    settings.DEMO = False


@pytest.fixture
def found(db):
    def look(**own):
        return {finding.part: finding for finding in run_checks(deploy=False, **own)}

    return look


def test_a_server_that_takes_letters_is_tried_up_to_rcpt_and_gets_none(found, mail_server):
    finding = found()["mail server"]
    assert (finding.is_ok, ADMIN in finding.text, mail_server.letters) == (True, True, [])
    assert "letter" not in found()


@pytest.mark.parametrize(("plan", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_server_that_would_take_no_letter_is_wrong_in_words_that_help(found, mail_server, plan, words):
    mail_server.plan = plan
    finding = found()["mail server"]
    assert (finding.is_ok, words in finding.text, "\n" in finding.text) == (False, True, False), finding


@pytest.mark.parametrize("wrong", [False, True])
def test_a_server_that_wants_a_sign_in_is_right_only_with_one(found, mail_server, settings, wrong):
    mail_server.stop()
    mail_server.accounts = {"fts": "lösenord"}
    mail_server.start()
    assert "put user and password" in found()["mail server"].text
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "fts", "fel" if wrong else "lösenord"
    finding = found()["mail server"]
    assert (finding.is_ok, "does not accept user and password" in finding.text) == (not wrong, wrong)


def test_without_a_server_the_check_is_wrong_and_the_others_go_on(found, mail_server):
    mail_server.stop()
    assert found()["mail server"].is_ok is False
    assert found()["clock"].is_ok


@pytest.mark.parametrize("admins", [(ADMIN,), ()])
def test_who_is_named_at_rcpt(found, mail_server, settings, admins):
    settings.POLICY = example_policy(admin_emails=admins)
    assert (ADMIN if admins else "support@ltdalarna.se") in found()["mail server"].text
    settings.POLICY = example_policy(admin_emails=(), support_email="")
    assert settings.POLICY.mail_from in found()["mail server"].text


@pytest.mark.parametrize("language", ["sv", "en"])
def test_one_letter_is_sent_whole(found, mail_server, settings, language):
    settings.POLICY = example_policy(language=language)
    finding = found(letter_to="bo@rontgen.example")["letter"]
    assert (finding.is_ok, "bo@rontgen.example" in finding.text) == (True, True)
    letter = mail_server.one("trial", to="bo@rontgen.example")
    assert "filsluss check --letter" in letter.text
    assert letter.links() == [f"https://fts.example.se/?lang={other(language)}", "https://fts.example.se/"]


def other(language):
    return {"sv": "en", "en": "sv"}[language]


def test_a_letter_that_is_refused_is_wrong(found, mail_server):
    mail_server.refuse["bo@rontgen.example"] = "550 5.1.1 no such user"
    finding = found(letter_to="bo@rontgen.example")["letter"]
    assert (finding.is_ok, "the address is refused" in finding.text) == (False, True)


@pytest.mark.django_db
def test_what_is_no_address_is_refused_before_anything_is_tried(mail_server):
    with pytest.raises(CommandError, match="not an email address"):
        call_command("check", "--letter", "bo@")
    assert mail_server.helos == []


def test_the_demo_sends_nothing(settings):
    settings.DEMO = True
    assert "are written to" in mail_check.rehearse()
