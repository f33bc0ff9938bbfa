"""Every sentence of the pages exists in every catalogue, and what is installed is what was written."""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

import filsluss
from filsluss.languages import CATALOGUES as CATALOGUES_OF
from filsluss.languages import LANGUAGES, SOURCE
from filsluss.pages.wcag import criteria
from filsluss.rules.letter_kinds import KINDS

PACKAGE = Path(filsluss.__file__).parent
CATALOGUES = [CATALOGUES_OF / code / "LC_MESSAGES" / "django.po" for code in LANGUAGES if code != SOURCE]
every_catalogue = pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parts[-3])
CALLED = re.compile(
    r"""(?:\bn?gettext|\b_)\((u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
    r"""(?:, ?u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))?)"""
)


def unquoted(text):
    return ast.literal_eval(f'"{text}"')


def written(catalogue):
    """The catalogue as its lines say: each sentence, with its plural if it has one, and its translations."""
    entries = {}
    for block in catalogue.read_text().split("\n\n")[1:]:
        msgids = tuple(
            unquoted(text) for text in re.findall(r'^msgid(?:_plural)? "(.*)"$', block, re.MULTILINE)
        )
        entries[msgids] = [
            unquoted(text) for text in re.findall(r'^msgstr(?:\[\d\])? "(.*)"$', block, re.MULTILINE)
        ]
    return entries


def asked_of_templates():
    for path in (PACKAGE / "templates" / "pages").rglob("*.html"):
        for found in CALLED.findall(templatize(path.read_text())):
            said = ast.literal_eval(f"({found},)")
            yield tuple(text.replace("%%", "%") if "%(" not in text else text for text in said)


def asked_of_code():
    for path in (PACKAGE / "pages").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("_", "ngettext"):
                yield tuple(arg.value for arg in node.args if isinstance(arg, ast.Constant))
    yield from ((traits.label,) for traits in KINDS.values() if traits.label)
    yield from ((each.name,) for each in criteria())


@every_catalogue
def test_every_sentence_is_in_the_catalogue_and_no_other(catalogue):
    asked = {*asked_of_templates(), *asked_of_code()}
    assert len(asked) > 250
    assert {entry[0] for entry in asked} == {entry[0] for entry in written(catalogue)}


@every_catalogue
def test_every_sentence_is_translated_and_none_is_doubtful(catalogue):
    assert "#, fuzzy" not in catalogue.read_text()
    entries = written(catalogue)
    assert len(entries) > 250
    assert [msgids for msgids, strings in entries.items() if not all(strings)] == []
    assert [msgids for msgids, strings in entries.items() if len(strings) != len(msgids)] == []


@every_catalogue
def test_a_translation_fills_in_what_its_sentence_fills_in(catalogue):
    def places(text):
        return sorted(set(re.findall(r"%\(\w+\)[sd]|<[^>]+>", text)))

    unlike = [
        (msgid, string)
        for msgids, strings in written(catalogue).items()
        for msgid, string in zip(msgids, strings, strict=True)
        if not set(places(string)) <= set(places(msgids[-1]))
        or (len(msgids) == 1 and places(msgid) != places(string))
    ]
    assert unlike == []


@every_catalogue
def test_the_catalogue_that_is_installed_is_the_one_that_was_written(catalogue):
    with catalogue.with_suffix(".mo").open("rb") as file:
        installed = gettext.GNUTranslations(file)
    for msgids, strings in written(catalogue).items():
        if len(msgids) == 1:
            assert installed.gettext(msgids[0]) == strings[0]
        else:
            assert [installed.ngettext(*msgids, n) for n in (1, 2)] == strings
