"""Names and checksums are not words: a browser that translates the page leaves them as they are."""

import json
import re
from pathlib import Path
from shutil import copy, which
from subprocess import run

import pytest

import filsluss
from filsluss.pages.error_messages import with_names

PAGES = Path(filsluss.__file__).parent / "templates" / "pages"
TYPED_TEXT = ("purpose", "reason")  # what people wrote is translated like the page


def marked() -> list[tuple[str, str, str]]:
    """Each `bdi` and checksum: the template, its attributes, and what it shows."""
    return [
        (path.name, attributes, shown)
        for path in sorted(PAGES.rglob("*.html"))
        for attributes, shown in re.findall(
            r'<(?:bdi|code class="checksum")([^>]*)>(?:\{\{ ([\w.]*)(?:\|[\w:|.]+)? \}\})?', path.read_text()
        )
    ]


def test_names_and_checksums_are_left_to_nobody() -> None:
    found = marked()
    assert {"file.name", "name", "sender_name", "file.sha256", ""} <= {shown for _, _, shown in found}
    translated = [
        (name, shown)
        for name, attributes, shown in found
        if 'translate="no"' not in attributes and not shown.endswith(TYPED_TEXT)
    ]
    assert translated == []


def test_no_name_of_a_file_is_shown_without_its_mark() -> None:
    bare = [
        (path.name, line)
        for path in sorted(PAGES.rglob("*.html"))
        for line in re.findall(r"[^\n]{0,40}\{\{ file\.(?:name|sha256) \}\}", path.read_text())
        if not re.search(r'translate="no">\{\{ file\.(?:name|sha256) \}\}$', line)
    ]
    assert bare == []


def as_shown(path: Path) -> str:
    """A page's template without its tags of Django, its title, and the values of attributes."""
    text = re.sub(r"(?s)\{#.*?#\}|\{% block title %\}.*?\{% endblock %\}|\{%.*?%\}", "", path.read_text())
    return re.sub(r'="(?!no")[^"]*"', '=""', text)


def test_no_address_and_no_reference_is_left_to_a_translator() -> None:
    value = re.compile(
        r"\{\{ (?:[\w.]*\.(?:address|public_id)|letter\.to|support_email|email|recipient|id)"
        r"(?:\|breakable)? \}\}"
    )
    pages = {path.name: as_shown(path) for path in sorted(PAGES.rglob("*.html"))}
    found = [(name, text[: each.start()]) for name, text in pages.items() for each in value.finditer(text)]
    assert len(found) > 20
    assert [(name, text[-60:]) for name, text in found if not text.endswith('translate="no">')] == []


SCRIPTS = PAGES.parents[1] / "static" / "filsluss"


def test_every_name_that_the_script_puts_into_a_sentence_is_marked() -> None:
    """But in the label of a progress bar, an attribute, which translators leave alone."""
    calls = [
        (path.name, line.strip())
        for path in sorted(SCRIPTS.glob("*.js"))
        for line in path.read_text().splitlines()
        if re.search(r"\bfile: (?!named\(|\{|item)", line) and not line.strip().startswith(("*", "//"))
    ]
    assert [name for name, line in calls if "aria-label" not in line] == []


def test_no_script_puts_text_of_a_person_into_a_page_but_by_its_mark() -> None:
    """What is set as plain text is words of the page's own, or goes into an element that is marked."""
    own = (
        r't\(|""|key \? t\(|open \? share|text;|byId\("choose"\)\.dataset|said\.dataset|named\(|name;|meant;'
    )
    set_to = [
        (path.name, each.strip(), value)
        for path in sorted(SCRIPTS.glob("*.js"))
        for each, value in re.findall(r"([^;\n]*)\.textContent = ([^=\n]*)", path.read_text())
    ]
    assert len(set_to) > 8
    marked_parts = r'data-part="(?:name|kind)"|part\("kind"\)|querySelector\("strong"\)|element$|region$'
    strange = [
        (name, target, value)
        for name, target, value in set_to
        if not re.search(marked_parts, target) and not re.match(own, value)
    ]
    assert strange == []
    said = [
        (path.name, line.strip())
        for path in sorted(SCRIPTS.glob("*.js"))
        for line in path.read_text().splitlines()
        if re.search(r"\b(?:say|alert|showWords)\(.*(?:\.name\b|pathOf\()", line) and "named(" not in line
    ]
    assert said == []


def test_the_parts_of_a_row_that_hold_names_are_marked() -> None:
    rows = (PAGES / "parts" / "upload_row.html").read_text()
    parts = re.findall(r'<[^>]*data-part="(?:name|kind)"[^>]*>', rows)
    assert len(parts) > 8
    assert [each for each in parts if 'translate="no"' not in each] == []
    field = (PAGES / "parts" / "address_field.html").read_text()
    assert re.search(r'<strong[^>]*translate="no"', field)


def test_what_the_messages_of_the_script_hold_of_a_case_is_marked() -> None:
    messages = (PAGES / "parts" / "upload_messages.html").read_text()
    values = [each.start() for each in re.finditer(r"\{\{ to \}\}", messages)]
    assert len(values) == 3
    assert [at for at in values if not messages[:at].endswith('<span translate="no">')] == []


FAKE_PAGE = """
    class Element {
        constructor(text = "") { this.nodes = [text]; this.dataset = {}; }
        get textContent() { return this.nodes.map((each) => each.textContent ?? each).join(""); }
        set textContent(text) { this.nodes = [text]; }
        replaceChildren(...nodes) { this.nodes = nodes; }
        querySelector() { return (this.part ??= new Element()); }
        querySelectorAll() { return []; }
        cloneNode() { return this; }
        addEventListener() {}
        append() {}
    }
    globalThis.document = { documentElement: { lang: "sv" }, createElement: () => new Element() };
"""


@pytest.mark.skipif(not which("node"), reason="node is not here (apt-get install nodejs)")
@pytest.mark.parametrize(("count", "names"), [(1, ["tom 0.txt"]), (7, [f"tom {n}.txt" for n in range(5)])])
def test_the_names_of_files_that_are_left_out_are_marked_each(
    tmp_path: Path, count: int, names: list[str]
) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for script in SCRIPTS.glob("*.js"):
        copy(script, tmp_path / script.name)
    code = f"""
        {FAKE_PAGE}
        const {{ LeftOut }} = await import("{tmp_path / "file-row.js"}");
        const line = new Element(), said = [];
        const leftOut = new LeftOut({{
            template: {{ content: {{ firstElementChild: line }} }},
            list: line,
            say: (text) => said.push(text),
        }});
        leftOut.sort(Array.from({{ length: {count} }}, (_, n) => ({{ name: `tom ${{n}}.txt`, size: 0 }})), 1);
        const shown = line.part.nodes.filter((each) => each.translate === false);
        console.log(JSON.stringify([shown.map((each) => each.textContent), said]));
    """
    ran = run(["node", "--input-type=module", "-e", code], capture_output=True, text=True, check=True)
    shown, (said,) = json.loads(ran.stdout)
    assert shown == names
    assert re.findall("\u2068([^\u2069]*)\u2069", said) == names


@pytest.mark.skipif(not which("node"), reason="node is not here (apt-get install nodejs)")
def test_the_script_shows_a_name_as_nothing_to_translate(tmp_path: Path) -> None:
    copy(SCRIPTS / "format.js", tmp_path / "format.mjs")
    name = "plan \u2068x\u2069.pdf"
    code = f"""
        globalThis.document = {{ documentElement: {{ lang: "sv" }}, createElement: (tag) => ({{ tag }}) }};
        const {{ named, showWords }} = await import("{tmp_path / "format.mjs"}");
        const element = {{ replaceChildren(...nodes) {{ this.nodes = nodes; }} }};
        showWords(element, `${{named({json.dumps(name)})}}: kom fram`);
        console.log(JSON.stringify(element.nodes));
    """
    ran = run(["node", "--input-type=module", "-e", code], capture_output=True, text=True, check=True)
    marked = {"tag": "bdi", "translate": False, "textContent": "plan x.pdf"}
    assert json.loads(ran.stdout) == ["", marked, ": kom fram"]


def test_names_in_the_summary_of_errors_are_marked_and_escaped() -> None:
    shown = with_names("<%(file)s> & {x}", file="<b>.pdf")
    assert shown == '&lt;<bdi translate="no">&lt;b&gt;.pdf</bdi>&gt; &amp; {x}'
