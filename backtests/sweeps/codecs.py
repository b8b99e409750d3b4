"""Codecs: how the artefacts of the upstream stages lie on disk: parquet, JSON and npy.

What is read back equals what was written to the bit, types of columns and indices included;
bars come back as views of one memory-mapped file, shared by all processes of a machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.sweeps.cache import Codec
from markets.errors import DataError
from markets.prices import BAR_COLUMNS, MarketData
from signals.answers import FoldReport, Predictions
from signals.events.schema import Event
from signals.features.base import FeatureFrame
from signals.features.rows import Reading
from signals.labels import LabelFrame
from signals.news import NewsItem

_TUPLES = ("event_ids", "item_ids", "story_keys")


@dataclass(frozen=True, eq=False)
class Answers:
    """Out-of-sample answers with how well they ranked.

    Attributes
    ----------
    predictions : Predictions
        Without its models when read back: a fitted model is never stored.
    quality : mapping of str to float or None
        `backtests.sweeps.figures.QUALITY` and `PLACEBO`, as report and audit of a run have them.
    """

    predictions: Predictions
    quality: Mapping[str, float | None]


def _write_market(folder: Path, market: MarketData) -> None:
    tickers = list(market.tickers)
    frames = [market.bars[ticker] for ticker in tickers]
    for frame in frames:
        if list(frame.columns) != list(BAR_COLUMNS):
            raise DataError("bars have other columns", given=list(frame.columns))
    np.save(folder / "bars.npy", np.concatenate([frame.to_numpy("float64") for frame in frames]))
    np.save(folder / "days.npy", np.concatenate([_days(frame.index) for frame in frames]))
    _write_frame(folder / "actions.parquet", market.actions)
    for number, name in enumerate(sorted(market.indices)):
        _write_frame(folder / f"index_{number}.parquet", market.indices[name])
    _write_json(
        folder / "market.json",
        {
            "tickers": tickers,
            "lengths": [len(frame) for frame in frames],
            "units": [str(frame.index.dtype) for frame in frames],
            "names": [frame.index.name for frame in frames],
            "indices": sorted(market.indices),
            "adjusted": market.adjusted,
            "source": market.source,
            "as_of": None if market.as_of is None else market.as_of.isoformat(),
            "sha256": market.sha256,
        },
    )


def _read_market(folder: Path) -> MarketData:
    told = _read_json(folder / "market.json")
    bars = np.load(folder / "bars.npy", mmap_mode="r", allow_pickle=False)
    days = np.load(folder / "days.npy", mmap_mode="r", allow_pickle=False)
    frames, begin = {}, 0
    rows = zip(told["tickers"], told["lengths"], told["units"], told["names"], strict=True)
    for ticker, length, unit, name in rows:
        part = slice(begin, begin + length)
        index = pd.DatetimeIndex(np.asarray(days[part]).view("datetime64[D]").astype(unit))
        frames[ticker] = pd.DataFrame(
            bars[part], columns=list(BAR_COLUMNS), index=index.rename(name), copy=False
        )
        begin += length
    market = MarketData(
        bars=frames,
        actions=_read_frame(folder / "actions.parquet"),
        indices={
            name: _read_frame(folder / f"index_{number}.parquet")
            for number, name in enumerate(told["indices"])
        },
        adjusted=told["adjusted"],
        source=told["source"],
        as_of=None if told["as_of"] is None else datetime.fromisoformat(told["as_of"]),
    )
    if market.sha256 != told["sha256"]:
        raise DataError("prices read back differ from those written", where=str(folder))
    return market


def _write_readings(folder: Path, readings: Sequence[Reading]) -> None:
    with (folder / "readings.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for item, events in readings:
            story = {field.name: getattr(item, field.name) for field in fields(NewsItem)}
            told = [story, [event.as_dict() for event in events]]
            file.write(json.dumps(told, ensure_ascii=True, default=_plain) + "\n")


def _read_readings(folder: Path) -> list[Reading]:
    readings: list[Reading] = []
    with (folder / "readings.jsonl").open(encoding="utf-8") as file:
        for line in file:
            story, told = json.loads(line)
            readings.append((_item(story), tuple(_event(event) for event in told)))
    return readings


def _item(story: dict[str, Any]) -> NewsItem:
    for name in ("published_at", "first_seen_at", "enriched_at"):
        if story[name] is not None:
            story[name] = datetime.fromisoformat(story[name])
    story["tickers"] = tuple(story["tickers"])
    return NewsItem(**story)


def _event(told: dict[str, Any]) -> Event:
    told["tickers"] = tuple(told["tickers"])
    told["related_tickers"] = tuple(told["related_tickers"])
    told["available_at"] = datetime.fromisoformat(told["available_at"])
    return Event(**told)


def _write_features(folder: Path, frame: FeatureFrame) -> None:
    _write_frame(folder / "values.parquet", frame.values)
    beside = pd.DataFrame(
        {
            "texts": frame.texts.to_numpy(),
            "sessions": frame.sessions.to_numpy(),
            "available_at": frame.available_at.array,
            **{name: [json.dumps(ids) for ids in getattr(frame, name)] for name in _TUPLES},
        }
    )
    _write_frame(folder / "beside.parquet", beside)
    names = {
        name: getattr(frame, name).name for name in ("texts", "sessions", "available_at", *_TUPLES)
    }
    _write_json(
        folder / "groups.json", {"groups": frame.groups, "memory": frame.memory, "names": names}
    )


def _read_features(folder: Path) -> FeatureFrame:
    values = _read_frame(folder / "values.parquet")
    beside = _read_frame(folder / "beside.parquet")
    told = _read_json(folder / "groups.json")
    parts: dict[str, pd.Series] = {
        name: pd.Series(beside[name].array, index=values.index, name=told["names"][name])
        for name in ("texts", "sessions", "available_at")
    }
    for name in _TUPLES:
        parts[name] = pd.Series(
            [tuple(json.loads(text)) for text in beside[name]],
            index=values.index,
            name=told["names"][name],
            dtype=object,
        )
    groups = {name: tuple(columns) for name, columns in told["groups"].items()}
    # Trials have no baselines, so nobody asks for the prices alone.
    return FeatureFrame(values=values, groups=groups, memory=told["memory"], prices=None, **parts)


def _write_labels(folder: Path, labels: LabelFrame) -> None:
    _write_frame(folder / "values.parquet", labels.values)
    _write_json(folder / "labels.json", {"horizon": labels.horizon})


def _read_labels(folder: Path) -> LabelFrame:
    told = _read_json(folder / "labels.json")
    return LabelFrame(_read_frame(folder / "values.parquet"), told["horizon"])


def _write_answers(folder: Path, answers: Answers) -> None:
    predictions = answers.predictions
    _write_frame(folder / "values.parquet", predictions.values)
    _write_frame(folder / "drift.parquet", predictions.drift)
    np.save(folder / "positions.npy", predictions.positions.to_numpy())
    np.save(folder / "decisions.npy", predictions.decisions)
    for report in predictions.folds:
        _write_frame(folder / f"sample_{report.fold}.parquet", report.calibration_sample)
    _write_json(
        folder / "answers.json",
        {
            "horizon": predictions.horizon,
            "quality": dict(answers.quality),
            "folds": [report.as_dict() for report in predictions.folds],
        },
    )


def _read_answers(folder: Path) -> Answers:
    told = _read_json(folder / "answers.json")
    values = _read_frame(folder / "values.parquet")
    positions = np.load(folder / "positions.npy", allow_pickle=False)
    return Answers(
        Predictions(
            values=values,
            folds=tuple(_fold(fold, folder) for fold in told["folds"]),
            horizon=told["horizon"],
            models={},
            positions=pd.Series(positions, index=values.index, dtype="int64"),
            drift=_read_frame(folder / "drift.parquet"),
            decisions=np.load(folder / "decisions.npy", allow_pickle=False),
        ),
        told["quality"],
    )


def _fold(told: dict[str, Any], folder: Path) -> FoldReport:
    for name in ("train_start", "train_end", "test_start", "test_end"):
        told[name] = date.fromisoformat(told[name])
    sample = _read_frame(folder / f"sample_{told['fold']}.parquet")
    return FoldReport(**told, calibration_sample=sample)


def _write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a table, and beside it the types that parquet does not know (seconds, say)."""
    levels = [frame.index.get_level_values(level) for level in range(frame.index.nlevels)]
    types = {
        "columns": [str(dtype) for dtype in frame.dtypes],
        "levels": [str(level.dtype) for level in levels],
    }
    frame.to_parquet(path, compression="zstd")
    _write_json(path.with_suffix(".types.json"), types)


def _read_frame(path: Path) -> pd.DataFrame:
    types = _read_json(path.with_suffix(".types.json"))
    frame = pd.read_parquet(path)
    wanted = dict(zip(frame.columns, types["columns"], strict=True))
    frame = frame.astype({c: t for c, t in wanted.items() if str(frame[c].dtype) != t})
    levels = [frame.index.get_level_values(level) for level in range(frame.index.nlevels)]
    if [str(level.dtype) for level in levels] == types["levels"]:
        return frame
    cast = [level.astype(t) for level, t in zip(levels, types["levels"], strict=True)]
    many = len(cast) > 1
    frame.index = pd.MultiIndex.from_arrays(cast, names=frame.index.names) if many else cast[0]
    return frame


def _days(index: pd.Index) -> np.ndarray:
    return np.asarray(index.to_numpy().astype("datetime64[D]").astype("int64"))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"no JSON: {type(value).__name__}")


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, allow_nan=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


MARKET: Codec[MarketData] = Codec(_write_market, _read_market)
READINGS: Codec[Sequence[Reading]] = Codec(_write_readings, _read_readings)
FEATURES: Codec[FeatureFrame] = Codec(_write_features, _read_features)
LABELS: Codec[LabelFrame] = Codec(_write_labels, _read_labels)
ANSWERS: Codec[Answers] = Codec(_write_answers, _read_answers)
