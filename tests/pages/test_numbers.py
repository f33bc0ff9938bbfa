"""A number in a sentence of a page is that of the rule that it speaks of, in every language."""

import re
from datetime import timedelta

import pytest
from django.conf import settings

from filsluss.actions import feedback, lost_link, oversee, retention, send_again
from filsluss.languages import LANGUAGES
from filsluss.models import Letter
from filsluss.pages import upload
from filsluss.pages.oversee.search import CONTAINS_WITHIN
from filsluss.rules import application, decision
from filsluss.rules.policy import Policy
from filsluss.rules.sign_in import FLOW_LASTS
from tests.pages.cases import Purpose, link, open_transfer, ready_file
from tests.pages.test_translations import every_catalogue, written

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHARACTERS = {
    application.NAME_MAX,
    *(application.TEXT_MAX, decision.REASON_MAX, oversee.REASON_MAX, feedback.ABUSE_MAX),
    feedback.ACCESSIBILITY_MAX,
    settings.AUTH_PASSWORD_VALIDATORS[0]["OPTIONS"]["min_length"],
    200,  # the longest password: pages/oversee/factors.py
}
RULES = {
    *(f"{most:,} characters" for most in CHARACTERS),
    f"{oversee.RELEASE_WAITS // HOUR} hours",
    *(f"{time // DAY} days" for time in (retention.FULL_FOR, CONTAINS_WITHIN)),
}


@every_catalogue
def test_a_limit_that_is_written_out_is_that_of_a_rule(catalogue):
    texts = " ".join(text for texts in written(catalogue) for text in texts)
    assert set(re.findall(r"\d[\d,]* (?:characters|minutes|hours|days)", texts)) == RULES


NAMES = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
IN_LETTERS = {
    "is kept for {} days": Policy.upload_idle // DAY,
    "sent again {} times": send_again.MOST,
    "at most {} such emails in an hour": lost_link.MOST,
    "more than {} minutes": FLOW_LASTS // timedelta(minutes=1),
}


@every_catalogue
def test_a_limit_in_letters_is_that_of_a_rule(catalogue):
    texts = " ".join(text for texts in written(catalogue) for text in texts)
    assert [words for words, number in IN_LETTERS.items() if words.format(NAMES[number]) not in texts] == []


@every_catalogue
def test_a_translation_has_the_numbers_of_its_sentence(catalogue):
    def numbers(text):
        return sorted(re.findall(r"\d+", re.sub(r"(?<=\d)[ ,](?=\d{3})", "", text)))

    unlike = [
        (text, translated)
        for texts, translations in written(catalogue).items()
        for text, translated in zip(texts, translations, strict=True)
        if numbers(text) != numbers(translated)
    ]
    assert unlike == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_how_long_a_letter_waits_is_said_as_it_is(inside, read, language, monkeypatch):
    monkeypatch.setattr(upload, "QUIET", timedelta(minutes=20))
    transfer = open_transfer()
    transfer.one_letter = True
    transfer.save()
    ready_file(transfer)
    assert Letter.objects.get(kind="files-ready").delivery == "collecting"
    page = read(inside.get(f"{link(transfer, Purpose.UPLOAD)}?lang={language}&done=sent"))
    assert page.text.count({"sv": "20 minuter", "en": "20 minutes"}[language]) == 3
