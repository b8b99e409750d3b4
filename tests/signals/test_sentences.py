from __future__ import annotations

import pytest

from signals.text.sentences import sentence_spans


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Titel ohne Punkt\nErster Satz. Zweiter Satz.", 3),
        ("Der Erlös lag bei 3,2 Mrd. USD. Das sind 5 % mehr.", 2),
        ("Am 12. September stieg der Kurs.", 1),
        ("Nio Inc. said so. J. Smith agreed.", 2),
        ("Sales rose 5.9% to $1.2 bn. Shares fell.", 2),
        ("股价上涨。公司回购！真的？是", 4),
        ("他说：“会回购。”随后离开。", 2),
        ("...", 0),
        ("", 0),
        ("   \n\n  ", 0),
        ("Kursziel 5 Mrd.", 1),
        ("The U.S. added SMIC. Then nothing", 2),
    ],
)
def test_sentences_end_where_they_end(text: str, sentences: int) -> None:
    assert len(parts(text)) == sentences


def test_a_title_is_sentence_zero() -> None:
    assert parts("Baidu legt zu\nDie Aktie stieg.")[0] == "Baidu legt zu"
