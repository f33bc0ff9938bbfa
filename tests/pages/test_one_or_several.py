"""The page of one file speaks of one, that of several of several; and words fit where they stand."""

import pytest
from django.utils import translation

from filsluss.languages import LANGUAGES
from filsluss.pages.upload import receipt_words
from tests.pages.cases import letter_link, open_transfer, ready_file

ONE = {
    "sv": ("Väntade du inte den här filen?", "raderas filen."),
    "en": ("Not expecting this file?", "After that the file is"),
}
SEVERAL = {
    "sv": ("Väntade du inte de här filerna?", "raderas filerna."),
    "en": ("Not expecting these files?", "After that the files are"),
}


def test_every_language_is_looked_at():
    assert set(ONE) == set(SEVERAL) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("count", "said", "unsaid"), [(1, ONE, SEVERAL), (2, SEVERAL, ONE)])
def test_the_page_of_a_download_counts_its_files(inside, read, language, count, said, unsaid):
    transfer = open_transfer()
    files = [ready_file(transfer, f"{number}.pdf") for number in range(count)]
    page = read(inside.get(f"{letter_link(files[0])}?lang={language}"))
    assert [words for words in said[language] if words not in page.text] == []
    assert [words for words in unsaid[language] if words in page.text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_choices_of_receipts_are_not_cut_off(language):
    """The select beside the chooser shows about twenty characters."""
    with translation.override(language):
        words = [str(each) for each in receipt_words().values()]
    assert [each for each in words if len(each) > 20] == []
