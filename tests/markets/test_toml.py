"""A key of a TOML text is found on the line that sets it, however the value is written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from markets.toml import MOST_LINES, line_of

VALUES = st.sampled_from(
    ["3", '"a"', "[1, 2]", "[\n  1,\n  2,\n]", '"""\n[wrong]\nkey9 = 1\n"""', "{ inner = 1 }"]
)
FILLING = st.sampled_from(["", "# key9 = 1", "\n\n"])


@given(st.lists(st.tuples(FILLING, st.sampled_from(["top", "low"]), VALUES), min_size=1))
def test_a_key_stands_where_it_is_written(rows: list[tuple[str, str, str]]) -> None:
    rows = sorted(rows, key=lambda row: row[1] == "low")
    text, placed = "", {}
    for number, (filling, section, value) in enumerate(rows):
        if section == "low" and "[low]" not in text.split("\n"):
            text += "[low]\n"
        text += f"{filling}\n"
        key = f"key{number}" if section == "top" else f"low.key{number}"
        placed[key] = text.count("\n") + 1
        text += f"key{number} = {value}\n"
    assert {key: line_of(text, key) for key in placed} == placed
    assert line_of(text, "key_of_no_line") is None


def test_inside_an_array_or_an_inline_table_the_line_is_that_of_the_whole() -> None:
    text = "a = [\n 1,\n 2,\n]\n[b]\nc = { d = 1 }\n[[rule]]\nid = 1\n"
    assert line_of(text, "a.1") == 1
    assert line_of(text, "b.c.d") == 6
    assert line_of(text, "rule.0.id") == 7


def test_no_line_is_looked_for_in_a_very_long_text() -> None:
    assert line_of("\n" * MOST_LINES + "a = 1", "a") is None
