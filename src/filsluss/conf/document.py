"""The table of settings as docs/operations.md has it, in Markdown."""

from filsluss.conf.setting import Setting
from filsluss.conf.table import TABLE

BEGIN = "<!-- The table of settings; `bin/settings-table` writes it. -->"
END = "<!-- The end of the table of settings. -->"


def document() -> str:
    rows = [line(row) for row in TABLE if not row.is_ours]
    return "\n".join(["| name | if not set | meaning |", "|---|---|---|", *rows])


def line(row: Setting) -> str:
    default = f"`{row.default}`" if row.default and isinstance(row.default, str) else "none"
    unset = "required" if row.is_required else row.unset or default
    return f"| `{row.name}`{' *' if row.is_secret else ''} | {unset} | {row.help} |"


def replaced(text: str) -> str:
    """The text of the page with the table of today between its two marks; ValueError without them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{document()}\n\n{END}{after}"
