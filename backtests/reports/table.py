"""Table: what a report says in rows, as plain text: the same for a terminal, Markdown and HTML."""

from __future__ import annotations

from dataclasses import dataclass

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a report.

    Attributes
    ----------
    key : str
        Stable name, an HTML anchor.
    title : str
        Heading.
    columns : tuple of str
        Headings; one that starts with ``<`` is of text and stands left; the sign is not shown.
    rows : tuple of tuple of str
        Cells as they are shown. Foreign text in them is *not* escaped: that is each format's part.
    note : str
        A sentence below, may be empty.
    """

    key: str
    title: str
    columns: Cells
    rows: tuple[Cells, ...]
    note: str = ""
