"""Everything that the upload page's script can say is among the page's words, in both languages."""

import re
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.utils import translation

import filsluss
from filsluss.rules.refusals import STATUS

OF_THE_APPLICATION = {"application-form.js", "did-you-mean.js", "remembered.js"}
"""They say nothing by themselves: their words stand in the page."""
SCRIPTS = sorted(
    path
    for path in (Path(filsluss.__file__).parent / "static" / "filsluss").glob("*.js")
    if path.name not in OF_THE_APPLICATION
)
SOURCE = "\n".join(
    line
    for path in SCRIPTS
    for line in path.read_text().splitlines()
    if not line.lstrip().startswith(("//", "*"))
)
NO_MESSAGES = {"one_letter", "with_code", "last_modified", "fetched_at", "partly_at", "letter_at"} | {
    "back_forward"
}
NO_STATE_OF_ITS_OWN = {"asking"}  # always with its question


def messages(language: str) -> dict[str, str]:
    with translation.override(language):
        html = render_to_string("pages/parts/upload_messages.html")
    return dict(re.findall(r'data-message="(\w+)">((?:[^<]|</?span[^>]*>)+)', html))


def said() -> set[str]:
    """Keys with an underscore cannot be anything else; of others, those in calls that take a key."""
    quoted = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', SOURCE))
    called = re.findall(r'\b(?:t|ask|fail|showNotice)\((?:[^"()]*\? )?"(\w+)"(?: : "(\w+)")?', SOURCE)
    in_objects = re.findall(r'\b(?:ask|refuse): "(\w+)"', SOURCE)
    states = re.findall(r'setState\((?:\w+ \? )?"(\w+)"(?:(?:, | : )(?:[^"()]*\? )?"(\w+)")?', SOURCE)
    both = [key for keys in (*called, *states) for key in keys if key]
    return ({*quoted, *both, *in_objects} - NO_MESSAGES) - NO_STATE_OF_ITS_OWN


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_key_that_the_script_can_say_has_words(language: str) -> None:
    found = said()
    assert {"account_over", "elsewhere", "paused", "some_asked", "no_room", "file_changed"} <= found
    assert found - set(messages(language)) == set()


def test_every_message_is_said_by_the_script_or_is_a_problem_code() -> None:
    keys = set(messages("sv"))
    built = {f"left_hour{s}_minutes" for s in ("", "s")}
    assert {key for key in keys - built - set(STATUS) if f'"{key}"' not in SOURCE} == set()


def test_the_words_of_both_languages_differ_and_fill_in_the_same() -> None:
    swedish, english = messages("sv"), messages("en")
    assert swedish.keys() == english.keys()
    for key, words in swedish.items():
        assert set(re.findall(r"\{\w+\}", words)) == set(re.findall(r"\{\w+\}", english[key])), key
