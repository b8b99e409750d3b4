"""Wording that messages share: a number with its noun, and what is wrong with a row."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun, in the plural unless it is one.

    Examples
    --------
    >>> counted(1, "row"), counted(1_200, "row"), counted(2, "story", "stories")
    ('1 row', '1,200 rows', '2 stories')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def row_problem(where: str, problem: str, given: str = "", wanted: str = "") -> str:
    """Return in a line what is wrong with a row: where, what, what stood there, what should.

    Examples
    --------
    >>> row_problem("p.csv: line 3", "not a price", "open abc", "a number above 0")
    'p.csv: line 3: not a price, given open abc, wanted a number above 0'
    """
    details = ((" given ", given), (" wanted ", wanted))
    return ",".join([f"{where}: {problem}", *(word + text for word, text in details if text)])
