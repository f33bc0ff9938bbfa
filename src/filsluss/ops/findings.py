"""What a check of `filsluss check` says."""

from dataclasses import dataclass


class CheckFailed(Exception):
    """One line: what is wrong with one part, and how to repair it."""


@dataclass(frozen=True)
class Finding:
    """One line of the output."""

    part: str
    is_ok: bool
    text: str

    def __str__(self) -> str:
        return f"{'OK   ' if self.is_ok else 'WRONG'} {self.part}: {self.text}"
