"""A third language is a folder and a catalogue: a copy of the package gets both, and no other line."""

import os
import subprocess
import sys
from pathlib import Path

from tests.languages import pseudo_language

ROOT = Path(__file__).parents[2]


def test_a_folder_and_a_catalogue_make_a_third_language(tmp_path):
    pseudo_language.make(tmp_path)
    path = os.pathsep.join(map(str, (tmp_path / "src", ROOT)))
    environment = {**os.environ, "PYTHONPATH": path, "TEST_DATABASE": "sqlite"}
    checks = ROOT / "tests" / "languages" / "checks_with_a_third.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(checks)]
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert "[100%]" in ran.stdout
