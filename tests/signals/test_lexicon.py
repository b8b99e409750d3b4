from __future__ import annotations

from pathlib import Path

import pytest

from markets.errors import ConfigError, DataError
from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.events.finder import Finder, parse_cue
from signals.events.lexicon import LANGUAGES, Lexicon, Rule
from signals.events.linter import problems
from signals.events.schema import KINDS
from signals.events.scoring import labeled
from signals.linking import Linker


def found(concepts: dict[str, list[str]], text: str, language: str = "de") -> list[str]:
    wording = Lexicon.default().wording(language)
    hits = Finder(concepts, language, wording).find(text, frozenset({0}))
    return [f"{hit.concept}:{text[hit.start : hit.end]}" for hit in hits]


@pytest.mark.parametrize(
    ("cue", "text", "hit"),
    [
        ("aktie", "die aktie", ["c:aktie"]),
        ("aktie", "die aktien", []),
        ("steig*", "er steigt", ["c:steigt"]),
        ("*gewinn*", "der quartalsgewinns", ["c:quartalsgewinns"]),
        ("legt* … zu", "baidu legte um 8,5 % zu", ["c:legte"]),
        ("legt* … zu", "baidu legte zu ende gehende pläne vor", []),
        ("trenn* sich von", "jd trennt sich von ceconomy", ["c:trennt"]),
        ("trenn* sich von", "jd trennt dies sich von", []),
        ("^传", "传腾讯", ["c:传"]),
        ("^传", "流传", []),
    ],
)
def test_how_a_cue_is_written(cue: str, text: str, hit: list[str]) -> None:
    assert found({"c": [cue]}, text) == hit


def test_the_longer_cue_hides_the_shorter() -> None:
    concepts = {"metric": ["gewinn"], "warning": ["gewinnwarnung"], "profit": ["profit"]}
    assert found(concepts, "gewinnwarnung") == ["warning:gewinnwarnung"]
    concepts = {"metric": ["profit"], "warning": ["profit warning"]}
    assert found(concepts, "a profit warning") == ["warning:profit warning"]


def test_a_word_may_be_an_event_and_a_tense() -> None:
    concepts = {"launch": ["veröffentlich*"], "past": ["veröffentlichte*"]}
    assert len(found(concepts, "veröffentlichte")) == 2


def test_parse_cue_reads_every_part() -> None:
    cue = parse_cue("deny", "weis* … gerücht* … zurück")
    assert cue.tail is not None
    assert cue.tail.pattern.search(" die gerüchte heute zurück")


def test_nothing_is_wrong_with_the_built_in_lexicon() -> None:
    assert [p.text for p in problems(Lexicon.default())] == []


@pytest.mark.parametrize(
    ("cues", "others", "idle"),
    [
        (["steig*", "steigert*"], [], True),
        (["steig*", "steigert"], [], False),  # tells German
        (["steig*", "steigert*"], ["steige*"], False),  # outweighs another concept's cue
        (["steig*", "steigert*"], ["steigerte zu"], False),
        (["^steig*", "steigert*"], [], False),
        (["*steig*", "steigert*"], [], False),
        (["steig*", "steigert* … zu"], [], False),
    ],
)
def test_a_cue_is_idle_only_where_it_settles_nothing(
    cues: list[str], others: list[str], idle: bool
) -> None:
    concepts = {"de": {"up": cues, "raise": others}}
    notes = [p.text for p in problems(Lexicon((), concepts)) if p.kind == "unreachable"]
    assert notes == (["de: up: 'steigert*' is covered by 'steig*'"] if idle else [])


def test_every_kind_has_a_rule_and_every_language_hundreds_of_cues() -> None:
    lexicon = Lexicon.default()
    assert {rule.kind for rule in lexicon.rules} == set(KINDS)
    for language in LANGUAGES:
        assert sum(len(cues) for cues in lexicon.concepts[language].values()) > 1000


def test_the_linter_names_each_kind_of_problem() -> None:
    rule = Rule(id="r", kind="mna", needs=("acquier",))
    concepts = {
        "de": {"acquire": ["kauft", "kauft", "auf*kauf"], "only": ["x"]},
        "en": {"acquire": ["buys"]},
        "zh": {"acquire": ["收购"]},
    }
    silent = {"zh": frozenset({"mna:r"})}  # no faint rule, so there is nothing to silence
    kinds = {p.kind for p in problems(Lexicon((rule, rule), concepts, silent))}
    assert kinds >= {
        "duplicate", "unreachable", "no twin", "unknown concept", "unused concept", "unknown rule",
    }  # fmt: skip


def test_a_language_may_leave_faint_rules_untried() -> None:
    built_in = Lexicon.default()
    assert built_in.silent["zh"]
    rule = "legal:faint_legal"
    assert rule in built_in.silent["zh"]
    assert rule not in built_in.silent["de"] | built_in.silent["en"]


def test_a_users_file_stands_on_top(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        '[de.add]\nbuyback = ["schnurzelt"]\n[en.add]\nteleport = ["beams"]\n'
        '[[rule]]\nid = "beams"\nkind = "product_launch"\nneeds = ["teleport"]\npolarity = 1.0\n',
        encoding="utf-8",
    )
    reader = Reader(Linker(Instruments.default()), Lexicon.default(path))
    from datetime import UTC, datetime

    from signals.news import NewsItem

    at = datetime(2025, 1, 1, tzinfo=UTC)
    german = reader.read(NewsItem("1", at, "t", "Tencent schnurzelt", language="de"))
    english = reader.read(NewsItem("2", at, "t", "Tencent beams", language="en"))
    assert [event.kind for event in german] == ["buyback"]
    assert [event.rule_id for event in english] == ["en:product_launch:beams"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[de.add\n", "no TOML"),
        ("[de.ad]\n", "unknown key"),
        ('[[rule]]\nid="x"\nkind="nope"\nneeds=["up"]\n', "invalid value"),
        ('[[rule]]\nid="x"\nkind="mna"\nneeds=["uppp"]\n', "no language spells"),
    ],
)
def test_a_users_mistakes_are_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=problem) as caught:
        Lexicon.default(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such lexicon file"):
        Lexicon.default(tmp_path / "absent.toml")


@pytest.mark.parametrize("line", ["{", '{"text": "x"}', '{"text": "x", "events": [{"kind": "k"}]}'])
def test_labels_are_checked(tmp_path: Path, line: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        labeled(path)
    assert "labels.jsonl:1" in str(caught.value)
