"""What the reader looks at first to spare itself work hides nothing that it would have found."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.instruments import Instruments
from signals.events.grammar import Grammar
from signals.events.lexicon import Lexicon
from signals.events.page import Sentence, lay_out
from signals.linking import Linker
from signals.text import units
from signals.text.folding import fold
from signals.text.tokens import begins_word, words_alone

LINKER = Linker(Instruments.default())
LEXICON = Lexicon.default()
_LANGUAGES = ("de", "en", "zh")
_BOUNDS = [words for bounds in units._BOUNDS_BEFORE.values() for _, words in bounds]
_LOOKED_AT = [units.CURRENCY_BEFORE, units.PRIOR_BEFORE, *_BOUNDS]


class _EveryRule(Grammar):
    """Tries all rules on every sentence."""

    def _possible(self, sentence: Sentence) -> int:
        every = (1 << len(self._plans)) - 1
        return every if sentence.is_headline else every & ~self._faint


GRAMMAR, EVERY_RULE = Grammar(LEXICON.rules), _EveryRule(LEXICON.rules)


@st.composite
def _told(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a sentence of cues and names of one language."""
    language = draw(st.sampled_from(_LANGUAGES))
    cues = sorted({c for words in LEXICON.concepts[language].values() for c in words})
    cue = st.sampled_from(cues).map(lambda text: re.sub(r"[*^]", "", text).replace("…", "xyz"))
    names = st.sampled_from(("Alibaba", "Tencent", "腾讯", "Reuters", "高盛", "Jefferies", "Qwen3"))
    figures = st.sampled_from(("5,9 %", "3 Mrd. USD", "32亿港元", ",", ":", "，", "und"))
    words = draw(st.lists(cue | names | figures, min_size=2, max_size=9))
    return (" " if language != "zh" else "").join(words), language


@given(_told(), st.booleans())
@settings(max_examples=400)
def test_no_rule_that_could_fire_is_left_out(told: tuple[str, str], is_headline: bool) -> None:
    text, language = told
    names = LINKER.mentions(text, date(2025, 9, 12))
    sentence = lay_out(text, language, names, LEXICON, is_headline=is_headline, in_dollars=False)
    assert GRAMMAR.matches(sentence) == EVERY_RULE.matches(sentence)


@given(st.data())
@settings(max_examples=400)
def test_no_words_before_a_number_are_overlooked(data: st.DataObject) -> None:
    words = data.draw(st.sampled_from(_LOOKED_AT))
    text = data.draw(st.from_regex(words.pattern) | st.text(max_size=12))
    found = words.pattern.search(text)
    assert (words.search(text) is None) == (found is None)


@pytest.mark.parametrize("language", _LANGUAGES)
@given(data=st.data())
def test_every_multiple_holds_its_letters(language: str, data: st.DataObject) -> None:
    for letters, pattern, _ in units._MULTIPLES[language]:
        text = data.draw(st.from_regex(pattern))
        assert letters in text


@given(st.lists(st.sampled_from(["as", "after", "x", " ", "腾", "_", "7", "é"])).map("".join))
def test_words_alone_are_those_that_begin_a_word(text: str) -> None:
    ours = re.compile(words_alone(["after", "as"]))
    plain = re.compile("after|as")
    wanted = [m.span() for m in plain.finditer(text) if begins_word(text, m.start())]
    assert [m.span() for m in ours.finditer(fold(text))] == wanted
