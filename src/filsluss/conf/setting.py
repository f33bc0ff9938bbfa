"""What is known of a setting: a row of the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from filsluss.conf.names import Name

Values = Mapping[Name, Any]
"""The settings as they were read."""


@dataclass(frozen=True)
class Setting:
    """A row of the table of settings.

    read: makes the value from the text; a ValueError or OSError says in words what is wrong with it.
    help: what it means, for operators, in one line of Markdown.
    default: the text if nobody sets it, or how it follows from the settings before it in the table.
    unset: what operators read as its default, where that is not the text.
    policy: the field of `Policy` that has the value; empty if none has.
    is_secret: it is never shown, and may be in a file whose path the name with _FILE has.
    is_never_empty: an empty one would be another installation, in silence. No secret may be empty.
    is_in_lines: its text has several lines, as a key in PEM has.
    is_ours: set by one of our own programs for another, and by nobody else.
    """

    name: Name
    read: Callable[[str], Any]
    help: str
    default: str | Callable[[Values], str] = ""
    unset: str = ""
    policy: str = ""
    is_required: bool = False
    is_secret: bool = False
    is_never_empty: bool = False
    is_in_lines: bool = False
    is_ours: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable that it can be set by."""
        return (self.name, self.name.of_file) if self.is_secret else (self.name,)
