"""One word for each thing: what pages and letters never say, and what they say instead."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import filsluss
from filsluss.languages import CATALOGUES, LANGUAGES, SOURCE

PACKAGE = Path(filsluss.__file__).parent
ROOT = Path(__file__).parent.parent

NEVER = {
    "sv": [
        (r"[Tt]a bort(?! (?:det\b|texten|från listan))|[Bb]orttag|[Tt](?:agits|ogs) bort", "radera"),
        (r"[Åå]terkalla|[Åå]tertag", "dra tillbaka"),
        (r"[Ss]täng(?:er|a|t|s|ts) (?:kontot|ärendet)|\b(?:kontot|ärendet) (?:är )?stängt", "avslutat"),
        (r"[Tt]id(?:en)? (?:var|är) (?:snart )?ute", "Tiden är slut"),
        (r"nedladdad 0|[Ii]cke nedladdad", "inte nedladdad"),
        (r"[Aa]vgjord", "Besvarad"),
        (r"[Ii]nsidan", "det interna nätet"),
        (r"Mejl skickat", "Mejlet till mottagaren skickades"),
        (r"förbereds", "Mejlet skickas strax"),
        (r"Väntade du dig", "Väntade du inte"),
        (r"\b[Dd]å vet vi", "På så sätt vet vi"),
        (r"gör skada", "är skadlig"),
        (r"antecknas|givet av", "registreras i namnet"),
        (r"meddelande när du godkänner", "En text skickas bara med ett avslag"),
        (r"[Ff]rivillig", "valfritt"),
        (r"[Rr]ättstava", "rätt stavad"),
        (r"[Ää]rendenummer|[Dd]iarienummer", "Referens"),
        (r"\b[Mm]ail|\b[Ee]-?post(?!adress|\b(?! till\b))|\bepost", "mejl"),
        (r"[Mm]ejladress", "e-postadress"),
        (r"[Ss]läpp\w* igenom", "släppa fram"),
        (r"förfråg|[Aa]nhållan", "ansökan"),
        (r"[Nn]edladdningskod|\bPIN", "hämtkod"),
        (r"[Aa]ttestant|[Aa]dministratör", "systemansvarig"),
        (r"(?:hos|på|i|vid) %\(organisation\)s", "%(at_organisation)s"),
        (r"\b[Öö]verföringar|Öppet till och med", "ärenden"),
        (r"\b[Ee]rt nätverk", "ditt nätverk"),
        (r"[Aa]nnuller", "raderas"),
        (r"gått att lämna", "leverera"),
    ],
    "en": [
        (r"[Rr]emove(?:d|s)?\b(?! (?:it, or say|the text|from the list)|.{0,9}from the list)", "delete"),
        (r"taken? back|[Rr]evoke", "withdraw"),
        (r"(?:[Cc]lose|shut)(?:s|d)?\b(?: (?:the|an|your) account|.{0,9}accounts)", "end the account"),
        (r"account (?:has been |is |was )?(?:closed|shut)", "account has ended"),
        (r"[Tt]ime (?:was|has) (?:run )?out|time has now run out", "time is up"),
        (r"downloaded 0", "not downloaded"),
        (r"\b[Dd]ecided\b(?! by)", "Answered"),
        (r"\bthrough:? (?:\d|%\(|\{\{ \w*(?:day|date)|<strong)", "until the end of"),
        (r"being prepared", "The email will be sent shortly"),
        (r"[Dd]id you not expect|[Ww]ere you not expecting", "Not expecting"),
        (r"does harm|to cheat", "is harmful"),
        (r"\bsomebody|\bSomebody|someone else than", "someone"),
        (r"statement was made", "This statement was prepared on"),
        (r"case number|case number, say", "reference"),
        (r"(?<!--)\b[Ll]etters?\b(?! (?:and digits|I, L|a–z))", "email"),
        (r"\b[Mm]ails?\b(?! server)|\be-mail", "email"),
        (r"(?<![Ff]ile )\b[Tt]ransfers?\b(?! you asked)", "case"),
        (r"links always begin", "links always start"),
        (r"pass (?:it|them) on", "forward"),
        (r"\binside again|[Bb]e inside", "from inside it"),
        (
            r"\bspelled|\b(?!Resize\b)[A-Za-z]{3,}(?:iz(?:e|es|ed|ing)|ization)\b|colou?rs?(?<!colour)(?<!colours)",
            "spelt",
        ),
        (r"(?:at|of) %\(organisation\)s(?!\.|’)|Open through", "%(at_organisation)s"),
        (r"\bcancel(?:ed|ing)\b|\bcenter|\bcatalog\b", "Cancelled"),
        (r"\bof just now\b|\banew\b", "again"),
        (r"\bpersons\b", "people"),
    ],
}
"""For each language: an expression, and the word of ours that stands in its place."""


def of_catalogue(language: str) -> Iterator[tuple[str, str]]:
    """The sentences of pages: English is what the templates ask with, others what they get."""
    key, code = ("msgid", "sv") if language == SOURCE else ("msgstr", language)
    catalogue = CATALOGUES / code / "LC_MESSAGES" / "django.po"
    for line in re.findall(rf'^{key}(?:_plural|\[\d\])? "(.+)"$', catalogue.read_text(), re.MULTILINE):
        if ": " not in line[:30] or "\\n" not in line:  # the head of the catalogue
            yield catalogue.name, re.sub("<[^>]+>", "", line.replace('\\"', '"'))


def of_letters(language: str) -> Iterator[tuple[str, str]]:
    """The lines of letters without the conditions of their templates, but with the names of the values."""
    for path in sorted((PACKAGE / "templates" / "letters" / language).rglob("*.txt")):
        for line in path.read_text().splitlines():
            yield f"{language}/{path.name}", re.sub(r"\{% (?!include).*?%\}", "", line)


def of_templates(language: str) -> Iterator[tuple[str, str]]:
    """What templates of pages say without asking the catalogue, in whatever language."""
    said = re.compile(r">([^<>{}%]*[A-Za-zÅÄÖåäö]{3}[^<>{}%]*)<")
    for path in sorted((PACKAGE / "templates" / "pages").rglob("*.html")):
        text = re.sub(r"(?s)\{% blocktrans.*?endblocktranslate %\}|\{%.*?%\}|\{#.*?#\}", "", path.read_text())
        yield from ((path.name, found) for found in said.findall(text))
    for page in (ROOT / "deploy").glob(f"503.{language}.html"):
        yield page.name, re.sub("(?s)<style>.*?</style>|<[^>]+>", " ", page.read_text())


def said(language: str) -> list[tuple[str, str]]:
    return [*of_catalogue(language), *of_letters(language), *of_templates(language)]


def test_every_language_has_such_words():
    assert sorted(NEVER) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", NEVER)
def test_one_word_is_used_for_each_thing(language: str) -> None:
    lines = said(language)
    assert len(lines) > 500
    found = [
        (place, never, f"say: {ours}", line)
        for never, ours in NEVER[language]
        for place, line in lines
        if re.search(never, line)
    ]
    assert found == []


@pytest.mark.parametrize("language", NEVER)
def test_the_words_to_use_are_used(language: str) -> None:
    """Or the table would recommend what no reader ever meets."""
    text = "\n".join(line for _, line in said(language)).lower()
    assert [ours for _, ours in NEVER[language] if ours.lower() not in text] == []


@pytest.mark.parametrize(
    ("language", "wrong"),
    [
        ("sv", "Ta bort filen"),
        ("sv", "Borttagen av avsändaren."),
        ("sv", "ansökan återkallad"),
        ("sv", "ska raderas: tiden var ute"),
        ("en", "Available through: {{ last_day }}"),
        ("en", "%(days)s, through %(date)s"),
        ("en", "Close the account and delete its files"),
        ("en", "Somebody has used your email address."),
        ("en", "No letters."),
    ],
)
def test_a_word_that_is_not_ours_is_seen(language: str, wrong: str) -> None:
    assert any(re.search(never, wrong) for never, _ in NEVER[language])
