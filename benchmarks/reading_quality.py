"""How well stories are read: precision, recall and F1 by kind and language, and what is promised.

Both labeled sets come from the hand that wrote the cues, so they flatter; what strangers' headlines
scored stands in the decision record on reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from signals.events.extract import Reader
from signals.events.schema import KINDS
from signals.events.scoring import Score, Tally, labeled, score

ANSWERS = Path(__file__).resolve().parents[1] / "tests" / "answers"
SETS = ("reading", "reading_held_back")
LANGUAGES = ("de", "en", "zh")
PROMISED = {
    "kind_f1": 0.80, "ticker_precision": 0.97, "ticker_recall": 0.95, "amount": 0.95,
    "is_reaction": 0.95, "denials": 1.0, "polarity": 0.80,
}  # fmt: skip
NEAR_THE_BEST = 0.10
"""How far a language may lie below the best one, in every figure."""


@dataclass(frozen=True)
class Bound:
    """A promise and what was measured.

    Attributes
    ----------
    what : str
        Of which figure.
    wanted, measured : float
        None measured: it could not be (spaCy is not installed).
    at_most : bool
        True where less is better.
    """

    what: str
    wanted: float
    measured: float | None
    at_most: bool = False

    @property
    def missed_by(self) -> float:
        """How much is lacking; 0 where the promise holds or was not measured."""
        if self.measured is None:
            return 0.0
        short = self.measured - self.wanted if self.at_most else self.wanted - self.measured
        return max(0.0, round(short, 3))

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "missed_by": self.missed_by}

    def __str__(self) -> str:
        side = "at most" if self.at_most else "at least"
        if self.measured is None:
            return f"not measured  {self.what}: wanted {side} {self.wanted:g}"
        said = f"{self.what}: {self.measured:.3g}, wanted {side} {self.wanted:g}"
        return f"missed by {self.missed_by:.3g}  {said}" if self.missed_by else f"kept  {said}"


Measured = Mapping[str, Mapping[str, Score]]
"""Scores by labeled set and language."""


def measure(reader: Reader) -> Measured:
    """Return the scores of every labeled set, by language; the reader finds the language itself."""
    return {
        name: {
            language: score(reader, labeled(ANSWERS / f"{name}_{language}.jsonl"), declare=False)
            for language in LANGUAGES
        }
        for name in SETS
    }


def promises(measured: Measured) -> Iterator[Bound]:
    """Yield each bound on quality, by labeled set and language."""
    for name, by_language in measured.items():
        figures = {language: result.as_dict() for language, result in by_language.items()}
        for figure, wanted in PROMISED.items():
            best = max(of[figure] for of in figures.values())
            for language, of in figures.items():
                yield Bound(f"{name}, {language}, {figure}", wanted, of[figure])
                behind = round(best - of[figure], 3)
                what = f"{name}, {language}, {figure} behind the best language"
                yield Bound(what, NEAR_THE_BEST, behind, at_most=True)


def as_dict(measured: Measured) -> dict[str, Any]:
    """Return all scores as JSON has them: by set, by language, and in it by kind."""
    return {
        name: {
            language: {
                **result.as_dict(),
                "kinds": {kind: _of_kind(result.by_kind.get(kind, Tally())) for kind in KINDS},
            }
            for language, result in by_language.items()
        }
        for name, by_language in measured.items()
    }


def _of_kind(tally: Tally) -> dict[str, float | int | None]:
    """Return the ratios of one kind, null where nothing of it is labeled or read."""
    read, wanted = tally.right + tally.wrong, tally.right + tally.missed
    return {
        "precision": round(tally.precision, 3) if read else None,
        "recall": round(tally.recall, 3) if wanted else None,
        "f1": round(tally.f1, 3) if read or wanted else None,
        "labeled": wanted,
    }


def lines(measured: Measured) -> Iterator[str]:
    """Yield the tables: figures by language, then precision, recall and F1 by kind and language."""
    for name, by_language in as_dict(measured).items():
        yield f"{name:<19}" + "".join(f"{language:>8}" for language in by_language)
        for figure in PROMISED:
            cells = (f"{of[figure]:>8.3f}" for of in by_language.values())
            yield f"  {figure:<17}" + "".join(cells)
        yield ""
        heads = (f"{f'{language}: P':>8}{'R':>6}{'F1':>6}{'n':>5}" for language in by_language)
        yield f"{name + ', by kind':<26}" + "".join(heads)
        for kind in KINDS:
            cells = (_cell(of["kinds"][kind]) for of in by_language.values())
            yield f"  {kind:<24}" + "".join(cells)
        yield ""


def _cell(of: Mapping[str, float | int | None]) -> str:
    precision, recall, f1 = (
        "–" if of[name] is None else f"{of[name]:.2f}" for name in ("precision", "recall", "f1")
    )
    return f"{precision:>8}{recall:>6}{f1:>6}{of['labeled']:>5}"


def verdict(bounds: Iterable[Bound]) -> Iterator[str]:
    """Yield a line for each bound that is missed or could not be measured, and a count."""
    held = list(bounds)
    open_ones = [bound for bound in held if bound.missed_by or bound.measured is None]
    yield from map(str, open_ones)
    yield f"{len(held) - len(open_ones)} of {len(held)} bounds kept"
