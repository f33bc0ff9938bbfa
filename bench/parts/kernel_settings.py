"""deploy/sysctl.conf, in force while something is measured behind a proxy, where we may set it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = Path(__file__).parents[2] / "deploy" / "sysctl.conf"


@contextmanager
def as_shipped() -> Iterator[None]:
    """Sets what the file says, and gives back what was set before; says so where it is not allowed."""
    lines = [line for line in FILE.read_text().splitlines() if line and not line.startswith("#")]
    wanted = {
        Path("/proc/sys", name.replace(".", "/")): value
        for name, value in (line.split(" = ") for line in lines)
    }
    before = {path: path.read_text() for path in wanted}
    try:
        for path, value in wanted.items():
            path.write_text(value)
    except OSError as fault:
        print(f"Without deploy/sysctl.conf, which only root may set: {fault}")
    try:
        yield
    finally:
        for path, value in before.items():
            if path.read_text() != value:
                path.write_text(value)
