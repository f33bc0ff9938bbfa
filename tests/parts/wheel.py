"""Says whether a wheel holds the whole package and nothing else: `wheel.py WHEEL SOURCE_FOLDER`."""

import sys
from pathlib import Path
from zipfile import ZipFile


def faults(names: set[str], source: Path) -> list[str]:
    """What is missing from the wheel, and what nobody expects in it."""
    package = source / "filsluss"
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    wanted = {str(path.relative_to(source)) for path in files}
    packed = {name for name in names if ".dist-info/" not in name}
    about = {name.partition(".dist-info/")[2] for name in names - packed}
    missing = (wanted - packed) | ({"licenses/LICENSE", "entry_points.txt"} - about)
    missing |= {f"{name[:-3]}.mo" for name in packed if name.endswith(".po")} - packed
    return [f"missing: {name}" for name in sorted(missing)] + [
        f"not expected: {name}" for name in sorted(packed - wanted)
    ]


def main(wheel: str, source: str) -> int:
    names = set(ZipFile(wheel).namelist())
    found = faults(names, Path(source))
    print(
        "\n".join(found)
        or f"{Path(wheel).name}: {len(names)} files, {Path(wheel).stat().st_size // 1024} KiB"
    )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
