"""Attribution: what each story and each event of a row adds to the log-odds of a linear model.

A column's contribution divides as its value does: from a value of 0, which is a row that nothing
is reported in, to the row's own. What does not divide belongs to none: the intercept, prices, ages,
columns of groups that give no shares, and what the model makes of the zeros.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from signals.answers import Predictions
from signals.classifiers.counting import OR
from signals.classifiers.fitted import ROUNDING, TEXT, Fitted
from signals.features import FeatureSettings
from signals.features.base import FeatureFrame, Row
from signals.features.build import groups_of
from signals.features.shares import Divides
from signals.features.text import terms_by_story

ByGroup = dict[str, float]
_WORD = f"{TEXT}__"


@dataclass(frozen=True, slots=True)
class Attribution:
    """What was added to one answer's calibrated log-odds, and by whom; each by feature group.

    All of it sums to the log-odds, and what stands under one group to the group's sum, to rounding.

    Attributes
    ----------
    stories, events : tuple of dict of str to float
        Of each story and each event of the row, in order; a story's own part (words, marks in its
        title, being one more story) is without that of its events.
    none : dict of str to float
        What belongs to no one story or event, ``bias`` included.
    """

    stories: tuple[ByGroup, ...]
    events: tuple[ByGroup, ...]
    none: ByGroup

    def of(self, row: Row) -> dict[str, Any]:
        """Return it JSON-ready, with the names of the row's stories and events."""
        return {
            "stories": [
                {"source": item.source, "item_id": item.item_id, "groups": added}
                for item, added in zip(row.items, self.stories, strict=True)
            ],
            "events": [
                {"event_id": event.event_id, "item_id": event.item_id, "groups": added}
                for event, added in zip(row.events, self.events, strict=True)
            ],
            "none": self.none,
        }


def attributions(
    predictions: Predictions,
    rows: Sequence[Row],
    features: FeatureFrame,
    settings: FeatureSettings,
) -> list[Attribution | None]:
    """Return what each story and event adds to each answer; None where the model is not linear.

    Parameters
    ----------
    predictions : Predictions
        Answers with the models of their folds.
    rows : sequence of Row
        What `features` were built of.
    features : FeatureFrame
        All rows that were asked about.
    settings : FeatureSettings
        With which they were built.
    """
    dividing = [group for group in groups_of(settings) if isinstance(group, Divides)]
    texts = features.texts.tolist()
    found: list[Attribution | None] = [None] * len(predictions)
    for fold, model in predictions.models.items():
        places = np.flatnonzero(predictions.values["fold"].to_numpy() == fold)
        if not model.is_linear or not len(places):
            continue
        asked = predictions.positions.to_numpy()[places]
        matrix = model.matrix(asked)
        slopes = model.fitted.slopes(matrix).tolist()
        whole = model.reasons(asked, predictions.decisions)
        for place, at, added, slope in zip(places, asked.tolist(), whole, slopes, strict=True):
            row = rows[at]
            words = {name[len(_WORD) :]: v for name, v in added.items() if name.startswith(_WORD)}
            others = {name: v for name, v in added.items() if not name.startswith(_WORD)}
            given = [
                *_of_columns(model.fitted, dividing, row, slope),
                *_of_words(terms_by_story(row.items, texts[at]), words),
            ]
            found[place] = _divided(row, {**others, TEXT: math.fsum(words.values())}, given)
    return found


Given = tuple[str, int, float]
"""What a part (stories first, then events) adds under a feature group."""


def _of_columns(
    fitted: Fitted, dividing: Sequence[Divides], row: Row, slopes: Sequence[float]
) -> Iterator[Given]:
    for group in dividing:
        for column, parts in group.shares(row).items():
            place = fitted.places.get(column)
            if place is not None and slopes[place]:
                for part in np.flatnonzero(parts).tolist():
                    yield _group(column), part, slopes[place] * float(parts[part])


def _of_words(told: Sequence[Sequence[str]], words: Mapping[str, float]) -> Iterator[Given]:
    """Yield what the words of each story add: as often as it says them, of all that say them."""
    said = [Counter(terms) for terms in told] if words else []
    whole: Counter[str] = Counter()
    for counts in said:
        whole.update(counts)
    once: dict[str, float] = {}
    for column, value in words.items():
        terms = column.split(OR)  # of a hashed column all that fall into it
        once |= dict.fromkeys(terms, value / sum(whole[term] for term in terms))
    for story, counts in enumerate(said):
        if shares := [once[term] * n for term, n in counts.items() if term in once]:
            yield TEXT, story, math.fsum(shares)


def _divided(row: Row, added: Mapping[str, float], given: Sequence[Given]) -> Attribution:
    count = len(row.items)
    parts: list[dict[str, list[float]]] = [{} for _ in range(count + len(row.events))]
    rest: dict[str, list[float]] = {}
    for column, value in added.items():
        rest.setdefault(_group(column), []).append(value)
    for group, part, value in given:
        parts[part].setdefault(group, []).append(value)
        rest.setdefault(group, []).append(-value)
    summed = tuple({group: math.fsum(v) for group, v in part.items()} for part in parts)
    left = {group: math.fsum(values) for group, values in rest.items()}
    none = {group: value for group, value in left.items() if abs(value) > ROUNDING}
    return Attribution(summed[:count], summed[count:], none)


def _group(column: str) -> str:
    return column.split("__", 1)[0]
