"""Lays out the static files as the wheel is built; everything else stands in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).parent / "src"))


class BuildWithStaticFiles(build_py):
    def run(self) -> None:
        super().run()
        from filsluss.static_layout import lay_out

        package = Path(self.build_lib) / "filsluss"
        lay_out(package / "static", package / "laid_out")


setup(cmdclass={"build_py": BuildWithStaticFiles})
