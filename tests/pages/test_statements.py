"""/privacy and /accessibility state what the organisation has set, and nothing else in its name."""

from dataclasses import replace
from datetime import date

import pytest
from django.utils import translation
from django.utils.translation import gettext

from filsluss.pages import wcag
from filsluss.rules.statements import Assessment, Conformance, LegalBasis


@pytest.fixture
def stated(settings):
    """States this of the service, as settings would."""

    def state(**own):
        settings.POLICY = replace(settings.POLICY, **own)
        return settings.POLICY

    return state


def test_nothing_is_stated_that_nobody_has_set(inside, read):
    privacy = read(inside.get("/privacy")).text
    assert [word for word in ("är personuppgiftsansvarig.", "Rättslig", "ombud") if word in privacy] == [
        "är personuppgiftsansvarig."  # in: ask there who it is
    ]
    accessibility = read(inside.get("/accessibility")).text
    assert "förenlig" not in accessibility
    assert "har ännu inte angett hur väl tjänsten uppfyller lagen" in accessibility


def test_the_controller_and_the_data_protection_officer_are_named(inside, read, stated):
    stated(controller="Regionstyrelsen", data_protection_email="dso@ltdalarna.se")
    page = read(inside.get("/privacy"))
    assert "Regionstyrelsen är personuppgiftsansvarig." in page.text
    assert [each["href"] for each in page.all("a") if "dso@" in each.get("href", "")] == [
        "mailto:dso@ltdalarna.se",
        "mailto:dso@ltdalarna.se",
    ]


@pytest.mark.parametrize("language", ["sv", "en"])
def test_each_legal_basis_is_named_by_its_letter_of_the_regulation(inside, read, stated, language):
    letters = {
        LegalBasis.CONSENT: "6.1 a",
        LegalBasis.CONTRACT: "6.1 b",
        LegalBasis.LEGAL_OBLIGATION: "6.1 c",
        LegalBasis.PUBLIC_TASK: "6.1 e",
        LegalBasis.LEGITIMATE_INTEREST: "6.1 f",
    }
    assert set(letters) == set(LegalBasis)
    for basis, letter in letters.items():
        stated(legal_basis=basis)
        text = read(inside.get(f"/privacy?lang={language}")).text
        assert [each for each in letters.values() if each in text] == [letter]


def test_how_long_things_are_kept_is_what_the_settings_in_force_say(inside, read, stated):
    stated(forget_days=11, audit_days=222, security_log_days=33, decision_days=4)
    text = read(inside.get("/privacy?lang=en")).text
    for words in ("after 4 days", "deleted 11 days after", "kept for 222 days", "log is kept for 33 days"):
        assert words in text


def test_the_authorities_are_links(inside, read):
    assert {"href": "https://www.imy.se/"} in read(inside.get("/privacy")).all("a")
    assert {"href": "https://www.digg.se/tdosanmalan"} in read(inside.get("/accessibility")).all("a")


@pytest.mark.parametrize(
    ("conformance", "swedish", "english"),
    [
        (Conformance.FULL, "Tjänsten är helt förenlig", "conforms fully"),
        (Conformance.PARTLY, "Tjänsten är delvis förenlig", "conforms partly"),
        (Conformance.NOT, "Tjänsten är inte förenlig", "does not conform"),
    ],
)
def test_the_statement_has_the_word_the_day_and_who_tested(
    inside, read, stated, conformance, swedish, english
):
    stated(assessment=Assessment(conformance, date(2027, 3, 1), "Eva <Ek>"))
    for language, words, day in (("sv", swedish, "1 mars 2027"), ("en", english, "1 March 2027")):
        text = read(inside.get(f"/accessibility?lang={language}")).text
        assert words in text
        assert text.count(day) == 2, "the day of the test is the day of the statement"
        assert "Eva <Ek>" in text


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_criterion_stands_in_the_statement(inside, read, language):
    text = read(inside.get(f"/accessibility?lang={language}")).text
    with translation.override(language):
        named = [f"{each.number} {gettext(each.name)}" for each in wcag.criteria()]
    assert [each for each in named if each not in text] == []
    tested = sum(1 for each in wcag.criteria() if each.tests)
    assert ("55" in text, str(tested) in text) == (True, True)
