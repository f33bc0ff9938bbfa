"""Reads pip-audit's report: `pip_audit.py REPORT STATUS MESSAGE`; says so where no service could be asked."""

import json
import sys
from pathlib import Path


def verdict(answer: str, message: str) -> tuple[int, str]:
    """Exit status and words: 1 if anything is known, 0 with the reason where it could not be asked."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        return 0, f"Skipped: pip-audit could not ask: {message}"
    silent = [package for package in packages if "skip_reason" in package]
    known = [(package, flaw) for package in packages for flaw in package.get("vulns", ())]
    lines = [
        f"{package['name']} {package['version']}: {flaw['id']}, mended in {flaw['fix_versions']}"
        for package, flaw in known
    ]
    if len(silent) == len(packages):
        return 0, "Skipped: the advisory service could not be asked for any package from here"
    asked = f"{len(packages) - len(silent)} of {len(packages)} packages asked about, {len(known)} flaws known"
    return int(bool(known)), "\n".join([*lines, asked])


def main(answer: str, status: str, message: str) -> int:
    code, words = verdict(Path(answer).read_text(), f"{message} (status {status})")
    print(words)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
