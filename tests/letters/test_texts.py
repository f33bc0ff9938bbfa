"""What letters say: every kind in both languages, to the letter, and the same words in text and HTML."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from filsluss.languages import LANGUAGES, other_language
from filsluss.letters.compose import engine
from filsluss.models import Letter, Transfer
from filsluss.rules.directions import Role
from tests.letters.cases import (
    AT,
    BO,
    CASES,
    CODE,
    EACH,
    NAMES,
    Case,
    ListCase,
    example_policy,
    make_file,
    make_transfer,
)
from tests.parts.golden import is_kept, letter_is_kept, only

GOLDEN = Path(__file__).parent / "golden"
WITH_HTML = [
    ("sv", next(case for case in CASES if case.kind == kind)) for kind in {case.kind for case in CASES}
]
"""In Swedish, the first case of each kind."""
uses_rows = pytest.mark.django_db
every_letter = pytest.mark.parametrize(("case", "language"), EACH, ids=NAMES)
WRITTEN: dict[tuple[str, str], Letter] = {}
"""By name of the case and language. A letter is written once for all tests that only read it."""


@pytest.fixture
def letter(request, case, language, now):
    if (case.name, language) not in WRITTEN:
        request.getfixturevalue("db")
        WRITTEN[case.name, language] = case.write(language, now)
    return WRITTEN[case.name, language]


class Reader(HTMLParser):
    """What a person sees of a page, in order: not its head, and not what is hidden."""

    def __init__(self, page):
        super().__init__()
        self.text, self.translated, self.hidden, self.kept = "", "", 0, []
        self.links, self.elements, self.langs = [], set(), []
        self.feed(page)

    @property
    def words(self):
        return words(self.text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.elements.add(tag)
        self.text += "" if tag == "span" else "\n"
        if tag in ("a", "span"):
            self.kept.append(given.get("translate") == "no")
        self.links += [given["href"]] if "href" in given else []
        self.langs += [given["lang"]] if "lang" in given else []
        if tag in ("head", "div"):
            self.hidden += 1

    def handle_endtag(self, tag):
        self.text += "" if tag == "span" else "\n"
        if tag in ("a", "span"):
            self.kept.pop()
        if tag in ("head", "div"):
            self.hidden -= 1

    def handle_data(self, data):
        if not self.hidden:
            self.text += data
            self.translated += "…" if any(self.kept) else data


def words(text):
    """Without URLs: the HTML shows one only, and behind its labels are the others."""
    return re.findall(r"\S*\w\S*", re.sub(r"https?://\S+", "", text))


def plain_words(text):
    """The words of the text part, without the marks of lists and quotations."""
    return words(re.sub(r"(?m)^(- |> ?|\d+\. )", "", text))


def bare(found):
    """A heading's colon is not on its button."""
    return [word.removesuffix(":") for word in found]


def heading(letter):
    return re.sub(r" \(\w{4}-\w{4}\)$", "", letter.subject)


@every_letter
def test_a_letter_says_exactly_this(letter, case, language):
    """The HTML is made of the text: one of each kind is compared, and of all others the words."""
    letter_is_kept(GOLDEN / language / case.name, letter, with_html=(language, case) in WITH_HTML)


@every_letter
def test_text_and_html_say_the_same_words_in_the_same_order(letter):
    page = Reader(letter.html)
    assert bare(page.words) == bare(words(heading(letter)) + plain_words(letter.text))
    assert set(page.links) == set(re.findall(r"https?://\S+", letter.text))


@every_letter
def test_no_name_address_code_or_checksum_is_left_to_a_translator(letter):
    text = re.sub("(?m)^> .*", "", letter.text)  # what people wrote is translated
    fixed = re.findall(r"\S+@\S+\w|https?://\S+|\b\w{4}-\w{4}(?:-\w{4})?\b|\b[0-9a-f]{64}\b|\S+\.pdf", text)
    translated = Reader(letter.html).translated
    assert [word for word in fixed if word in translated] == []
    assert re.findall("[\ufdd0\ufdd1]", letter.subject + letter.text + letter.html) == []


@every_letter
@uses_rows
def test_a_subject_is_short_and_carries_nothing_of_what_people_wrote(case, language, now):
    case = replace(case, transfer={**case.transfer, "sender_name": "Zebra", "purpose": "Zebra"})
    letter = case.write(language, now)
    foreign = ("Zebra", "@", ".pdf", CODE, "//", "Missbruk", "skadlig", "upphandling")
    assert [piece for piece in foreign if piece in letter.subject] == []
    assert len(letter.subject) <= 60


@uses_rows
@pytest.mark.parametrize(("name", "shown"), [("Film.zip", "Film[.]zip"), ("Film.pdf", "Film.pdf")])
@pytest.mark.parametrize(
    ("language", "words"), [("sv", "skriver vi [.] i stället"), ("en", "we write [.] instead")]
)
def test_a_name_that_is_not_written_as_it_is_is_explained(name, shown, language, words, now):
    text = Case("file-ready", Role.RECIPIENT, file={"name": name}).write(language, now).text
    assert (f": {shown}\n" in text, words in text) == (True, shown != name)


@every_letter
def test_nothing_of_the_template_is_left(letter):
    text = letter.subject + letter.text
    assert re.findall(r"\{|\}|None|\n\n\n| $|  \w+: *$", text, re.MULTILINE) == []
    assert [line for line in letter.text.split("\n") if len(line) > 998] == []


@every_letter
def test_the_second_line_leads_to_the_same_act_in_the_other_language(letter, case, language):
    other = other_language(language, house=language if isinstance(case, ListCase) else "sv")
    second = letter.text.split("\n\n")[1]
    assert second.startswith(f"{LANGUAGES[other].switch}: ")
    page = Reader(letter.html)
    assert page.langs == [language, other]
    there = second.partition(": ")[2]
    assert there.endswith(f"?lang={other}")
    assert page.links[0] == there
    acts = [link for link in page.links[1:] if "/genuine" not in link]
    assert not acts or there == f"{acts[0]}?lang={other}"


@every_letter
def test_the_html_shows_at_most_one_address_and_its_button_comes_first(letter):
    page = Reader(letter.html)
    assert len(re.findall("https?://", page.text)) <= 1
    assert "Våra länkar" not in page.text
    if len(page.links) > 2:
        lead = page.text.partition("https://")[0]
        assert len(lead.split("\n\n")) < 12 or "SHA-256" not in lead


@every_letter
def test_checksums_stand_at_the_foot_and_a_code_on_a_line_of_its_own(letter, case):
    body, _, foot = letter.text.partition("\n--\n")
    assert "SHA-256" not in body
    lines = [line.strip() for line in body.split("\n") if CODE in line]
    assert lines == [CODE] * len(case.codes)
    assert foot.count("/genuine") == 1


def preview_of(letter):
    """What a mail program shows beside the subject: the hidden text, which invisible signs follow."""
    shown, padding, _ = re.findall(r"mso-hide:all\">(.*?)((?:&#847;&zwnj;&nbsp;)+)(</div>)", letter.html)[0]
    assert len(padding) > 1000
    return html.unescape(shown)


@pytest.mark.parametrize("language", LANGUAGES)
@uses_rows
def test_subjects_and_previews_are_these(language, now):
    lines = []
    for case in CASES:
        letter = WRITTEN.get((case.name, language)) or case.write(language, now)
        preview = preview_of(letter)
        assert 0 < len(preview) <= 160, case.name
        lines.append(f"{case.name}\n  {letter.subject}\n  {preview}\n")
        Transfer.objects.all().delete()
        Letter.objects.all().delete()
    is_kept(GOLDEN / language / "previews.txt", "\n".join(lines))


@every_letter
def test_the_html_loads_nothing_and_links_only_to_this_service(letter):
    page = Reader(letter.html)
    assert page.elements & {"img", "script", "link", "iframe", "form", "object", "svg", "base"} == set()
    assert [link for link in page.links if not link.startswith("https://fts.example.se/")] == []
    assert re.findall(r"url\(|@import|src=", letter.html) == []
    assert len(letter.html.encode()) < 100_000


def test_every_template_has_its_golden_letters_in_every_language():
    folder = Path(engine().dirs[0])
    kinds = {case.kind for case in CASES}
    for language in LANGUAGES:
        assert {path.stem for path in folder.glob(f"{language}/*.txt")} == kinds
        pages = {f"{case.name}.html" for own, case in WITH_HTML if own == language}
        only(GOLDEN / language, {"previews.txt", *(f"{case.name}.txt" for case in CASES)} | pages)


@uses_rows
def test_a_receipt_carries_no_word_of_the_applicant(now):
    """It goes to an address that nobody has shown to be theirs."""
    letter = Case("received", Role.SENDER, transfer={"sender_name": "Zebra", "purpose": "Zebra"}).write(
        "sv", now
    )
    assert letter.to == BO
    assert re.findall(r"[Zz]ebra|anna\.berg|evil", letter.subject + letter.text + letter.html) == []


@uses_rows
@pytest.mark.parametrize("count", [1, 3])
def test_a_receipt_says_that_files_were_downloaded_and_not_by_whom(now, count):
    """A program that scans mail may have done it (docs/security.md, E9)."""
    transfer = {"public_id": f"K7PM-555{count + 1}", "nonce": str(count) * 32}
    letter = Case(
        "files-downloaded", Role.SENDER, transfer=transfer, files=({"fetched_at": AT},) * count
    ).write("sv", now)
    assert [each for each in ("anna.berg", "ottagaren") if each in letter.text + letter.html] == []


@uses_rows
def test_recipient_and_approver_are_told_only_of_files_that_were_once_ready(now):
    unready = ({"ready_at": None, "name": "hemlig.txt"}, {})
    mentioned = {}
    for role in Role:
        case = Case("erased", role, files=unready, transfer={"public_id": f"K7PM-444{len(mentioned) + 2}"})
        case.transfer["nonce"] = str(len(mentioned)) * 32
        with_rows = case.write("sv", now)
        mentioned[role] = "hemlig.txt" in with_rows.text
        with_rows.cases.get().transfer.delete()
    assert mentioned == {Role.SENDER: True, Role.RECIPIENT: False, Role.APPROVER: False}


@uses_rows
def test_the_purpose_is_quoted_and_nothing_in_it_can_be_clicked(now):
    letter = Case("approval-requested", Role.APPROVER).write("sv", now)
    assert (
        "\n> Ritningar till den nya mottagningen.\n>\n> Se https[:]//evil[.]com/x, t.ex. sidan 2.\n"
        in letter.text
    )
    assert "evil.com" not in letter.html


@uses_rows
def test_a_letter_whose_role_nobody_has_is_not_written(now):
    transfer = make_transfer(now, direction="outbound")
    from filsluss.letters import compose

    written = compose.write("erased", transfer=transfer, role=Role.APPROVER, policy=example_policy(), now=now)
    assert (written, transfer.letter_cases.count()) == (None, 0)


@uses_rows
def test_the_same_letter_is_never_written_twice(now):
    from filsluss.letters import compose

    transfer = make_transfer(now)
    file = make_file(transfer, now)
    given = {"transfer": transfer, "role": Role.RECIPIENT, "policy": example_policy(), "file": file}
    first = compose.write("file-ready", **given, now=now)
    second = compose.write("file-ready", **given, now=AT)
    assert (first.pk, first.message_id) == (second.pk, second.message_id)
    assert transfer.letter_cases.count() == 1


@uses_rows
def test_a_letter_is_written_even_when_the_key_of_the_links_is_lost(now):
    from filsluss.letters import compose

    transfer = make_transfer(now)
    lost = example_policy(link_keys=(b"another key",))
    letter = compose.write("erased", transfer=transfer, role=Role.SENDER, policy=lost, now=now)
    assert "\n\nIn English: https://fts.example.se/?lang=en\n\n" in letter.text


@uses_rows
def test_a_thousand_files_are_told_of_one_by_one(now):
    from filsluss.letters import compose

    transfer = make_transfer(now)
    file = make_file(transfer, now)
    letter = compose.write(
        "erased", transfer=transfer, role=Role.SENDER, policy=example_policy(), now=now, files=[file] * 1000
    )
    assert letter.text.count(": " + "1" * 64) == 1000
    assert letter.html.count(f': <span translate="no">{"1" * 64}</span>') == 1000
