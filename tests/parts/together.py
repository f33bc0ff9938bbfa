"""Files that one process tests, one after the other, as they share what takes long to make."""

from xdist.scheduler import LoadFileScheduling

TOGETHER = {
    "populated": (
        "tests/accessibility/test_axe.py",
        "tests/accessibility/test_display_modes.py",
        "tests/accessibility/test_keyboard.py",
        "tests/accessibility/test_page_weight.py",
    ),
    "target": (
        "tests/security/test_access.py",
        "tests/security/test_downloads.py",
        "tests/security/test_fuzz.py",
        "tests/security/test_headers.py",
        "tests/security/test_injection.py",
        "tests/security/test_oversized_requests.py",
    ),
    "nodes": ("tests/nodes/",),
}
"""The fixture that is that service, or two machines, and the files or the folder whose tests ask for it."""


def of_file(path: str) -> str:
    """The name of what that file belongs to: the file itself, unless it shares a service."""
    return next((fixture for fixture, paths in TOGETHER.items() if path.startswith(paths)), path)


class Together(LoadFileScheduling):
    """As `--dist loadfile`, but that such files are as one."""

    def _split_scope(self, nodeid: str) -> str:
        return of_file(super()._split_scope(nodeid))
