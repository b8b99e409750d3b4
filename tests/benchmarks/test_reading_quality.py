"""What the benchmark of reading says: each kind in each language, and how much is lacking."""

from __future__ import annotations

import json

import pytest

from benchmarks import reading, reading_quality
from benchmarks.reading_quality import Bound
from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.events.schema import KINDS
from signals.events.scoring import Score
from signals.linking import Linker


def test_a_bound_says_by_how_much_it_is_missed() -> None:
    assert Bound("f1", 0.80, 0.75).missed_by == 0.05
    assert Bound("f1", 0.80, 0.80).missed_by == 0
    assert Bound("MB", 400, 450, at_most=True).missed_by == 50
    assert Bound("MB", 400, 163, at_most=True).missed_by == 0
    assert Bound("times spaCy", 5, None).missed_by == 0
    assert "missed by 0.05" in str(Bound("f1", 0.80, 0.75))
    assert "not measured" in str(Bound("times spaCy", 5, None))


def test_a_language_far_behind_the_best_is_a_missed_bound() -> None:
    good, poor = Score(), Score()
    good.kinds.right, poor.kinds.right, poor.kinds.missed = 10, 10, 3
    measured = {"reading": {"de": good, "en": poor, "zh": good}}
    missed = [bound for bound in reading_quality.promises(measured) if bound.missed_by]
    assert [bound.what for bound in missed] == ["reading, en, kind_f1 behind the best language"]
    assert missed[0].measured == pytest.approx(1 - 20 / 23, abs=1e-3)


def test_every_kind_stands_under_every_language() -> None:
    result = Score()
    result.by_kind["mna"].right = 3
    result.by_kind["mna"].wrong = 1
    document = reading_quality.as_dict({"reading": {"de": result, "zh": Score()}})
    json.dumps(document, allow_nan=False)
    for language in ("de", "zh"):
        assert list(document["reading"][language]["kinds"]) == list(KINDS)
    mna = document["reading"]["de"]["kinds"]["mna"]
    assert mna == {"precision": 0.75, "recall": 1.0, "f1": 0.857, "labeled": 3}
    assert document["reading"]["zh"]["kinds"]["mna"]["f1"] is None


@pytest.mark.parametrize(
    ("kept", "ratio", "status"), [(True, 99.0, 0), (True, 1.0, 3), (False, 1.0, 1), (True, None, 0)]
)
def test_the_exit_status_tells_quality_from_speed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kept: bool,
    ratio: float | None,
    status: int,
) -> None:
    result = Score()
    result.kinds.right, result.kinds.missed = 1, 0 if kept else 9
    monkeypatch.setattr(reading_quality, "measure", lambda reader: {"reading": {"de": result}})
    monkeypatch.setattr(
        reading, "speed", lambda reader: dict.fromkeys(reading.SPEEDS, (1.0, ratio))
    )
    assert reading.main(["--json"]) == status
    document = json.loads(capsys.readouterr().out)
    assert document["exit_status"] == status
    assert {bound["what"] for bound in document["bounds"]} >= {
        f"{name}, times spaCy" for name in reading.SPEEDS
    }


def test_every_bound_on_speed_is_of_a_row_that_can_be_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "per_second", lambda run, rounds: float(len(rounds)))
    monkeypatch.setattr(reading, "spacy_matcher", lambda linker: None)
    found = reading.speed(Reader(Linker(Instruments.default())))
    assert [bound.measured for bound in reading.speed_bounds(found)] == [None, None]
