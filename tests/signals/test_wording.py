"""Small words as data: what a list may hold, and what the patterns made of it find."""

from __future__ import annotations

import pkgutil
import re
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from markets.errors import ConfigError
from markets.instruments import Instruments
from signals import events
from signals.events.extract import Reader
from signals.events.lexicon import LANGUAGES, Lexicon
from signals.events.linter import problems
from signals.events.schema import Event
from signals.events.wording import Wording, Words
from signals.linking import Linker
from signals.news import NewsItem

_LINKER = Linker(Instruments.default())
_READERS = [
    import_module(f"signals.events.{m.name}") for m in pkgutil.iter_modules(events.__path__)
]
_LISTS = sorted(Words.model_fields)


def _skeletons(module: ModuleType) -> list[str]:
    """Return the patterns of a module that ask for words."""
    constants = [value for name, value in vars(module).items() if name.strip("_").isupper()]
    return [c for c in constants if isinstance(c, str) and re.search(r"<!?[a-z_]+>", c)]


_SKELETONS = sorted({skeleton for module in _READERS for skeleton in _skeletons(module)})
_PART = st.text(st.sampled_from("abzäß'.-$(|[被或0"), min_size=1, max_size=4)
_STARRED = st.builds("{}{}{}".format, st.sampled_from(["", "*"]), _PART, st.sampled_from(["", "*"]))
_REST = st.lists(_STARRED | st.sampled_from("*#…"), max_size=2)
_PHRASE = st.builds(lambda first, rest: " ".join([first, *rest]), _STARRED, _REST)


def _fits(name: str, word: str) -> bool:
    try:
        Words.model_validate({name: [word]})
    except ValidationError:
        return False
    return True


def _read(title: str, own: Path | None = None) -> tuple[Event, ...]:
    at = datetime(2025, 9, 12, 9, tzinfo=UTC)
    story = NewsItem("1", at, "wire", title, language="en")
    return Reader(_LINKER, Lexicon.default(own)).read(story)


@given(st.dictionaries(st.sampled_from(_LISTS), st.lists(_PHRASE | _PART, max_size=3)))
@settings(max_examples=60, deadline=None)
def test_whatever_words_a_list_holds_every_pattern_stands(lists: dict[str, list[str]]) -> None:
    for name in ("clause", "reason", "sectors"):
        lists[f"{name}_not"] = [f"# {word}" for word in lists.get(name, [])]
    held = {name: [word for word in words if _fits(name, word)] for name, words in lists.items()}
    wording = Wording(Words.model_validate(held))
    assert all(wording[skeleton] for skeleton in _SKELETONS)


@given(st.sampled_from(["in", "über", "via"]), st.text(st.sampled_from("abcäö 被("), max_size=3))
def test_a_word_is_found_where_none_goes_on_with_it(word: str, around: str) -> None:
    wording = Wording(Words(place=(word,)))
    text = f"{around}{word}{around[::-1]}"
    is_alone = not around or around[-1] in " 被("
    assert bool(wording["<place>"].search(text)) == is_alone


@pytest.mark.parametrize(
    ("written", "text", "is_found"),
    [
        ("*gericht*", "das landgericht urteilt", True),
        ("kurs*", "die kurse", True),
        ("kurs*", "wechselkurs", False),
        ("stock … to", "stock is about to", True),
        ("stock … to", "stock is not so about to", False),
        ("* shares", "its shares", True),
        ("或", "股价或升", True),
        ("ex-", "ex-alibaba", True),
    ],
)
def test_how_a_word_is_written(written: str, text: str, is_found: bool) -> None:
    assert bool(Wording(Words(court=(written,)))["<court>"].search(text)) is is_found


@pytest.mark.parametrize(
    ("text", "is_opened"),
    [
        ("shares fall as profit drops", True),
        ("sales as well as profit", False),
        ("as much as profit", False),
        ("nach zahlen fest", True),
        ("nach china", False),
    ],
)
def test_a_clause_opens_but_not_inside_its_longer_phrases(text: str, is_opened: bool) -> None:
    words = Words(
        clause=("as", "nach zahlen"), clause_not=("as well", "as much", "well as", "much as")
    )
    found = Wording(words)["<clause>"].search(text)
    assert bool(found) is is_opened
    assert not found or found[0] in ("as", "nach")  # what must follow is only looked at


def test_an_empty_list_is_found_nowhere() -> None:
    wording = Wording(Words())
    assert not wording["<place>"].search("in")
    assert wording["(?:<place>\\s)?x"].fullmatch("x")


@pytest.mark.parametrize(
    "wrong", ["", " nach", "nach ", "auf  der", "*", "…", "# …", "a*b", "… to"]
)
def test_what_could_match_anything_is_no_word(wrong: str) -> None:
    with pytest.raises(ValidationError, match="a word or phrase"):
        Words(place=(wrong,))


def test_every_list_has_words_in_some_language() -> None:
    words = Lexicon.default().words
    assert set(words) == set(LANGUAGES)
    idle = [name for name in _LISTS if not any(getattr(lists, name) for lists in words.values())]
    assert idle == []


def test_a_users_words_say_what_a_modal_is(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        '[en.words.add]\nmodals = ["is gonna"]\n[en.words.remove]\nmodals = ["could"]\n',
        encoding="utf-8",
    )
    guess, wish = "Tencent shares could fall 3%", "Tencent shares is gonna fall 3%"
    assert not any(event.is_reaction for event in _read(guess))
    assert any(event.is_reaction for event in _read(wish))
    assert any(event.is_reaction for event in _read(guess, path))
    assert not any(event.is_reaction for event in _read(wish, path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[en.words.add]\nmodal = ["gonna"]\n', ["line 2", "unknown key", "modal", "modals"]),
        ('[en.words.add]\nmodals = ["*"]\n', ["line 2", "'*'", "a word or phrase"]),
        ("[en.words.remove]\nmodals = 3\n", ["line 2", "3", "a list"]),
        ('[en.words.add]\nfillers = ["a bit"]\n', ["line 2", "'a bit'", "a word without spaces"]),
        ('[zh.words.add]\nplain = ["一二"]\n', ["line 2", "'一二'", "a text of 1 character"]),
    ],
)
def test_a_users_mistakes_are_named(tmp_path: Path, text: str, told: list[str]) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        Lexicon.default(path)
    assert all(part in str(caught.value) for part in [str(path), *told])


def test_a_word_that_stands_twice_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[en.words.add]\nfew = ["only"]\n', encoding="utf-8")
    assert [p.text for p in problems(Lexicon.default(path))] == [
        "en: words: few: 'only' stands twice"
    ]
