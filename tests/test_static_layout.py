"""The static files: laid out by one function before the service runs, and the same for everybody."""

import ast
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.templatetags.static import static

from filsluss.static_layout import PACKAGE, STAMP, fingerprint, lay_out
from tests.parts.installation import environment

SOURCE = PACKAGE / "static"
SERVED = Path(settings.STATIC_ROOT)
RUN = [sys.executable, "-m", "filsluss"]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_served_is_what_the_function_lays_out(tmp_path):
    """Twice, and in a folder of any name: a wheel has the same files as this source folder."""
    assert lay_out(SOURCE, tmp_path / "laid")
    assert contents(tmp_path / "laid" / "static") == contents(SERVED)
    assert (tmp_path / "laid" / STAMP).read_text() == fingerprint(SOURCE)
    assert [path.name for path in tmp_path.iterdir()] == ["laid"]


def test_every_file_is_there_by_its_hash_and_compressed_and_minified():
    manifest = json.loads((SERVED / "staticfiles.json").read_text())["paths"]
    assert set(manifest) == {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*") if path.is_file()}
    for name, hashed in manifest.items():
        assert static(name) == f"/static/{hashed}"
        packed = SERVED / f"{hashed}.gz"
        assert not packed.exists() or gzip.decompress(packed.read_bytes()) == (SERVED / hashed).read_bytes()
    own, served = (folder / "filsluss" for folder in (SOURCE, SERVED))
    script = served / Path(manifest["filsluss/upload.js"]).name
    assert script.stat().st_size < (own / "upload.js").stat().st_size * 0.9
    sheet = (served / Path(manifest["filsluss/site.css"]).name).read_text()
    assert ("/*" in sheet, "\n" in sheet, ";}" in sheet, "  " in sheet) == (False,) * 4


def test_files_that_are_there_are_left_and_those_of_another_version_go(tmp_path):
    source, target = tmp_path / "source", tmp_path / "laid"
    shutil.copytree(SOURCE, source)
    assert (lay_out(source, target), lay_out(source, target)) == (True, False)
    (source / "filsluss" / "site.css").write_text("body { color: red }")
    (target / "static" / "left-behind").touch()
    assert lay_out(source, target)
    assert not (target / "static" / "left-behind").exists()
    assert "color: red" in (target / "static" / "filsluss" / "site.css").read_text()


def test_a_script_that_imports_what_is_not_there_is_refused_and_what_was_there_stays(tmp_path):
    source, target = tmp_path / "source", tmp_path / "laid"
    shutil.copytree(SOURCE, source)
    lay_out(source, target)
    before = contents(target)
    (source / "filsluss" / "upload.js").write_text('import { a } from "./nowhere.js";')
    with pytest.raises(Exception, match=r"nowhere\.js"):
        lay_out(source, target)
    assert contents(target) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["laid", "source"]


def test_nothing_that_runs_lays_them_out():
    """So no process waits for another at the start, and the service needs nothing that minifies."""
    importing = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        if {"filsluss.static_layout", "rjsmin"}
        & {getattr(node, "module", ""), *(alias.name for alias in node.names)}
    ]
    assert importing == ["static_layout.py"]


@pytest.fixture(scope="module")
def without_them(tmp_path_factory):
    """The environment of an installation with tables, and of a source without static files."""
    folder = tmp_path_factory.mktemp("without")
    ignored = shutil.ignore_patterns("laid_out*", "__pycache__")
    shutil.copytree(PACKAGE, folder / "src" / "filsluss", ignore=ignored)
    shutil.copy(PACKAGE.parents[1] / "pyproject.toml", folder)
    own = {**environment(folder / "data"), "PYTHONPATH": str(folder / "src")}
    subprocess.run([*RUN, "migrate", "--verbosity", "0"], env=own, check=True, timeout=60)
    return own


@pytest.mark.parametrize("command", ["serve", "web"])
def test_without_them_nothing_starts_and_one_line_says_what_to_do(without_them, command):
    words = [*RUN, command, "--port", "1"]
    ran = subprocess.run(words, env=without_them, capture_output=True, text=True, timeout=60, check=False)
    words = "filsluss: the static files are not laid out: install the wheel, or run bin/venv here\n"
    assert (ran.returncode, ran.stderr.replace("CommandError: ", "filsluss: ")) == (1, words)
