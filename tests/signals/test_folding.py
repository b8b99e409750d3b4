from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.text.folding import clean, fold, hides_letters, spellings


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


def test_hidden_letters_are_noticed() -> None:
    assert hides_letters("T\u200bencent")
    assert hides_letters("&#84;encent")
    assert not hides_letters("Tencent hebt Prognose für 2025")


def test_a_name_is_spelled_in_both_scripts() -> None:
    assert {"腾讯", "騰訊"} <= set(spellings("腾讯"))
