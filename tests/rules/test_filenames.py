"""Names of files: each strange name ends safe and readable, and reaches the browser unchanged."""

import json
import re
import unicodedata
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filsluss.rules.filenames import (
    _PLAIN,
    LONGEST_NAME,
    NameRefused,
    _clean_once,
    clean_folder,
    clean_name,
    content_disposition,
    distinct_paths,
    extension,
)

FORMS = json.loads((Path(__file__).parents[1] / "data" / "filenames.json").read_text())
SHOWN = [form["clean"] for form in FORMS if "clean" in form]
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
SWEDEN = "\U0001f1f8\U0001f1ea"

awkward = st.text(
    st.sampled_from(
        "aC\u212a .\u00a0\u3000/:*\u0301\u0327\u200b\u200c\u200d\u202e\ufe0f\ufdfa\u1100\u1161\u03010\u20e3ی"
        "\U0001f468\U0001f3fd\U0001f1f8\U0001f3f4\U000e0067\U000e007f\n\ufeff"
    ),
    max_size=40,
)
names = st.one_of(
    st.text(),
    awkward,
    st.builds(lambda text, times, tail: text * times + tail, awkward, st.integers(1, 60), awkward),
    st.builds(
        lambda stem, tail: stem + tail, st.sampled_from(["con", "Nul ", "lpt1", "aux.", " com²"]), awkward
    ),
)


def cleaned(raw: str) -> str | None:
    try:
        return clean_name(raw)
    except NameRefused:
        return None


def by_the_mail_library(header: str) -> str | None:
    """It takes the first of the two parameters, so it is shown only the one a browser prefers."""
    message = Message()
    message["Content-Disposition"] = re.sub(r'filename="[^"]*"; ', "", header)
    return message.get_filename()


def by_hand(header: str) -> dict[str, str]:
    match = re.fullmatch(
        r"""attachment; filename="([A-Za-z0-9 ._()-]+)"; filename\*=UTF-8''([A-Za-z0-9._~%-]+)""", header
    )
    assert match, header
    return {"plain": match[1], "exact": unquote(match[2], errors="strict")}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["form"])
def test_each_known_trick_with_a_name_ends_clean_or_refused(form: dict[str, Any]) -> None:
    assert cleaned(form["raw"]) == form.get("clean")


@pytest.mark.parametrize("raw", ["", " ", "...", " . . ", "\u200b\u202e", "\u00a0\u3000", "\x00", "a\udfff"])
def test_only_nul_half_characters_and_nothing_left_are_refused(raw: str) -> None:
    assert cleaned(raw) is None


@pytest.mark.parametrize(
    "name",
    [
        f"{FAMILY}.png",
        f"{ENGLAND}{SWEDEN}.txt",
        "1\ufe0f\u20e3 \u2764\ufe0f\u200d\U0001f525.txt",
        "نمی\u200cشود.pdf",
        "क\u094d\u200dष.pdf",
        "תמונה.jpg",
        "R&D (utkast) #2, 100%.xlsx",
    ],
)
def test_names_in_any_script_and_whole_emoji_stay_as_they_are(name: str) -> None:
    assert clean_name(name) == name


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("rapport\u200d.pdf", "rapport.pdf"),
        ("\u200ca\u200d b\u200c.pdf", "a b.pdf"),
        ("a\u200d\u200d\u200cb.pdf", "a\u200db.pdf"),
        ("r\ufe0fapport\ufe00.pdf", "rapport.pdf"),
        ("a" + ENGLAND[1:] + ".pdf", "a.pdf"),
        ("tab\there\x7f\x85.txt", "tabhere.txt"),
        ("\u2066\u061ca\u00ad\ufeff.txt", "a.txt"),
        ("a" + " \u00a0\u3000" * 40 + ".exe", "a .exe"),
        ("report?.txt. . ", "report_.txt"),
        ("conin$", "_conin$"),
        ("console.txt", "console.txt"),
        ("\u1100\u1161.txt", "\uac00.txt"),
    ],
)
def test_what_nobody_can_see_goes(raw: str, clean: str) -> None:
    assert clean_name(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a" * 300 + ".pdf", "a" * 251 + ".pdf"),
        ("å" * 200 + ".tar.gz", "å" * 124 + ".tar.gz"),
        (FAMILY * 20 + ".png", FAMILY * 13 + ".png"),
        (SWEDEN * 40 + "x.txt", SWEDEN * 31 + ".txt"),
        ("a" + SWEDEN * 40, "a" + SWEDEN * 31),
        ("a" * 250 + "x\u0323\u0301\u0330.md", "a" * 250 + ".md"),
        ("a" * 251 + " bcdef.md", "a" * 251 + ".md"),
        ("a" * 200 + "." + "b" * 100, "a" * 200 + "." + "b" * 54),
        ("con" + "x" + "\u0323" * 200, "conx" + "\u0323" * 125),
        ("a" * 5000 + ".pdf", "a" * 251 + ".pdf"),
    ],
)
def test_a_long_name_keeps_its_ending_and_splits_no_sign(raw: str, clean: str) -> None:
    assert clean_name(raw) == clean


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rapport.pdf", ".pdf"),
        ("all.TAR.gz", ".TAR.gz"),
        (".htaccess", ""),
        ("README", ""),
        ("a. b", ""),
        ("a..b", ".b"),
    ],
)
def test_the_ending_is_what_says_the_kind(name: str, expected: str) -> None:
    assert extension(name) == expected


@given(names)
def test_cleaning_twice_is_cleaning_once(raw: str) -> None:
    once = cleaned(raw)
    assert once is None or clean_name(once) == once


@given(names)
def test_a_clean_name_can_be_saved_anywhere(raw: str) -> None:
    name = cleaned(raw) or "x"
    assert re.findall(r'[\x00-\x1f\x7f-\x9f/\\<>:"|?*\u2028-\u202e\u2066-\u2069\u200b]', name) == []
    assert (len(name.encode()) <= 255, name.strip(" ").rstrip(". ")) == (True, name)
    assert unicodedata.is_normalized("NFC", name)


@pytest.mark.parametrize("name", SHOWN)
def test_two_readers_of_the_header_both_find_exactly_the_name_shown(name: str) -> None:
    header = content_disposition(name)
    assert (by_the_mail_library(header), by_hand(header)["exact"]) == (name, name)


@given(names)
def test_every_clean_name_survives_the_header(raw: str) -> None:
    name = cleaned(raw) or "x"
    assert by_hand(content_disposition(name))["exact"] == name


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("räksmörgås åäö.pdf", "raksmorgas aao.pdf"),
        ("Smørrebrød æ ß.txt", "Smorrebrod ae ss.txt"),
        ("報告書.pdf", "file.pdf"),
        ("報告書", "file"),
        ("\uff23\uff2f\uff2e.txt", "_CON.txt"),
        ("\u2024\u2024", "file"),
        ("{7_7}${x}%(y)s.txt", "_7_7_x_(y)s.txt"),
        ("\ufdfa" * 85, "file"),
        (".htaccess", ".htaccess"),
    ],
)
def test_a_program_that_knows_only_ascii_gets_a_readable_name(name: str, plain: str) -> None:
    assert by_hand(content_disposition(name))["plain"] == plain


@given(st.text(st.characters(exclude_categories=()), min_size=1))
def test_not_even_an_unclean_name_can_add_a_header(name: str) -> None:
    header = content_disposition(name)
    assert (header.isascii(), header.isprintable(), header.count('"')) == (True, True, 2)


def test_names_are_made_distinct_also_where_capitals_are_not_told_apart():
    names = ["a.txt", "A.TXT", "a.txt", "a (2).txt", "b", "b", ".x", ".x", "all.tar.gz", "all.tar.gz"]
    assert distinct_paths(names) == [
        "a.txt",
        "A (2).TXT",
        "a (3).txt",
        "a (2) (2).txt",
        "b",
        "b (2)",
        ".x",
        ".x (2)",
        "all.tar.gz",
        "all (2).tar.gz",
    ]


def test_paths_are_made_distinct_and_no_file_has_the_name_of_a_folder():
    paths = ["a/x.txt", "b/x.txt", "A/X.txt", "a", "B", "c/d", "c/d/e", "F/x", "f"]
    assert distinct_paths(paths) == [
        "a/x.txt",
        "b/x.txt",
        "A/X (2).txt",
        "a (2)",
        "B (2)",
        "c/d (2)",
        "c/d/e",
        "F/x",
        "f (2)",
    ]


LONG_NAMES = ["x" * 255, "å" * 127, "x" * 251 + ".txt", "😀" * 62 + ".tar.gz", "a"]


@given(st.lists(st.sampled_from(LONG_NAMES), max_size=25))
def test_names_that_were_made_distinct_still_fit_and_keep_their_extension(names):
    found = distinct_paths(names)
    assert len({name.casefold() for name in found}) == len(names)
    assert all(len(name.encode()) <= LONGEST_NAME for name in found)
    assert [extension(name) for name in found] == [extension(name) for name in names]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("", ""),
        ("a", "a"),
        ("/a//b/", "a/b"),
        ("..\\..\\a", "a"),
        ("../../etc", "etc"),
        ("a/./b/ . /c", "a/b/c"),
        ("C:/Användare/aux", "C_/Användare/_aux"),
        ("a\0b/c", "c"),
        ("två  blanka/\u202efel", "två blanka/fel"),
        ("x/" * 200 + "y", "x/" * 149 + "y"),
    ],
)
def test_of_a_folder_only_safe_names_are_kept(sent: str, kept: str) -> None:
    assert clean_folder(sent) == kept
    assert clean_folder(kept) == kept


@given(st.text(max_size=50))
def test_a_folder_never_leads_upwards_or_to_a_root(sent: str) -> None:
    kept = clean_folder(sent)
    assert clean_folder(kept) == kept
    assert not {"", ".", ".."} & set(kept.split("/")) or kept == ""


@given(st.from_regex(_PLAIN, fullmatch=True))
def test_a_plain_name_is_what_cleaning_makes_of_it(name):
    assert clean_name(name) == _clean_once(name)
