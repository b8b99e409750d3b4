from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.text.folding import _INVISIBLE, _clean_table, clean, fold, spellings, veils


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Alibaba &amp; Baidu", "Alibaba & Baidu"),
        ("Ali\u200bbaba", "Alibaba"),
        ("\u202eudiaB\u202c", "udiaB"),
        ("涨５．９％", "涨5.9%"),
        ("5,9\u202f%", "5,9 %"),
        ("<b>JD.com</b> wins", " JD.com wins"),
        ("u\u0308ber", "über"),
        ("小米：回购，完成", "小米：回购，完成"),
    ],
)
def test_a_text_is_cleaned_to_what_a_person_sees(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@given(st.text())
def test_folding_keeps_every_offset(text: str) -> None:
    assert len(fold(text)) == len(text)


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_traditional_and_simplified_fold_alike() -> None:
    assert fold("騰訊發佈財報") == fold("腾讯发布财报")


_ODD_TEXTS = st.one_of(
    st.text(),
    st.text("ab  \t\r\n\x0b\x85\xa0\u2003\u3000\u200b\u202e\u0308\u2028５％：騰“–İ", max_size=5),
)


@given(_ODD_TEXTS)
def test_what_is_looked_for_first_changes_nothing(text: str) -> None:
    """Hold the quick ways of `clean` to the plain one: every step, whatever the text."""
    steps = text.replace("&", "+").replace("<", "(")
    plain = unicodedata.normalize("NFC", steps).translate(_clean_table()[0])
    plain = re.sub(r"[^\S\n]{1,1000}", " ", _INVISIBLE.sub("", plain).replace("\r", "\n"))
    assert clean(steps) == plain


@given(_ODD_TEXTS)
def test_a_text_without_veils_is_matched_as_it_stands(text: str) -> None:
    if not any(veil in text for veil in veils()):
        shown = clean(text)
        assert [c for c in shown if c != "\n"] == [
            c for c in text if c not in "\r\n\x85\u2028\u2029"
        ]


def test_a_name_is_spelled_in_both_scripts() -> None:
    assert {"腾讯", "騰訊"} <= set(spellings("腾讯"))
