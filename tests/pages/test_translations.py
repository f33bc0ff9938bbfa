"""Every sentence of the pages exists in every catalogue, and what is installed is what was written."""

import ast
import gettext
import re
import runpy
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
joined = runpy.run_path(str(Path(__file__).parents[2] / "bin" / "words"))["joined"]
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
    words = installed(catalogue.with_suffix(".mo"))
    for msgids, strings in written(catalogue).items():
        assert all_forms(words, msgids) == [joined(each) for each in strings]


@every_catalogue
def test_english_has_a_catalogue_of_what_is_joined_and_of_nothing_else(catalogue):
    words = installed(CATALOGUES_OF / SOURCE / "LC_MESSAGES" / "django.mo")
    texts = list(written(catalogue))
    assert [all_forms(words, each) for each in texts] == [[joined(form) for form in each] for each in texts]
    changed = [form for each in texts if any(map(changes, each)) for form in each]
    assert len(words._catalog) - 1 == len(changed) > 60


def installed(path):
    with path.open("rb") as file:
        return gettext.GNUTranslations(file)


def all_forms(words, msgids):
    if len(msgids) == 1:
        return [words.gettext(msgids[0])]
    return [words.ngettext(*msgids, n) for n in (1, 2)]


def changes(text):
    return joined(text) != text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Högst 500 tecken.", "Högst 500_tecken."),
        ("om %(n)d minut", "om %(n)d_minut"),
        ("ungefär {h} timmar och {n} minuter kvar", "ungefär {h}_timmar och {n}_minuter kvar"),
        ("Högst 1 000 tecken.", "Högst 1_000_tecken."),
        ("%(percent)s %% är sparat", "%(percent)s_%% är sparat"),
        ('<time datetime="7 x">%(when)s</time> av 3', '<time datetime="7 x">%(when)s</time> av 3'),
        ("%(name)s vill. En IPv6 adress. 2 + 3", "%(name)s vill. En IPv6 adress. 2 + 3"),
    ],
)
def test_a_number_and_what_it_counts_stay_on_one_line(text, shown):
    assert joined(text).replace("\u00a0", "_") == shown
