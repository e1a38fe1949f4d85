"""The screen: whatever is written to it is text, and never markup."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def visible(text: str) -> str:
    """The same text, what is no printable character (an escape of the terminal, a line
    break, a change of direction) written out as in Python."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def styled(text: str, style: str) -> Text:
    """Text in a colour or a weight."""
    return Text(visible(text), style)


class Screen(Console):
    """Stdout, for names and messages of any kind.

    Rich takes `[/x]` in a string for markup, and `:x:` for a picture; here a string is
    printed as it is, in tables too. Colours are made by `styled`.
    """

    def __init__(self, **options: Any):
        width = None if sys.stdout.isatty() else 160
        super().__init__(**{"width": width, **options}, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)


def sheet(left: int, *headings: str) -> Table:
    """A table without lines: its first `left` columns to the left, the others to the
    right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index < left else "right")
    return table
