"""Every planted leak: a name, why it is one, and how it gets into the line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edited_stages as edits
import pytest
from small_world import CLASSIFIER, TALKATIVE, TICKERS, clean_config

import markets.sources.synthetic as synthetic
from backtests.config import RunConfig
from markets.calendar import ClockSettings

GROUPS = ("events", "magnitudes", "moved", "tone", "flow", "prices")


@dataclass(frozen=True)
class Case:
    """A leak, and the run it is planted in."""

    name: str
    why: str
    plant: Callable[[pytest.MonkeyPatch, Path], RunConfig]


def _with_group(name: str) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    groups = (*GROUPS, f"leaky_features:{name}")
    return lambda patch, folder: clean_config(features={"groups": groups})


def _with_strategy(name: str) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    return lambda patch, folder: clean_config(strategy={"name": f"leaky_features:{name}"})


def _hidden(name: str) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    groups = (*GROUPS, f"hidden_parts:{name}")
    return lambda patch, folder: clean_config(features={"groups": groups})


def _hidden_strategy(name: str) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    return lambda patch, folder: clean_config(strategy={"name": f"hidden_parts:{name}"})


def _sly(name: str) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    groups = (*GROUPS, f"sly_parts:{name}")
    return lambda patch, folder: clean_config(features={"groups": groups})


def _sly_strategy(name: str, **changes: Any) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    chosen = {"name": f"sly_parts:{name}"}
    return lambda patch, folder: clean_config(strategy=chosen, **changes)


def _sly_classifier(name: str) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    chosen = {**CLASSIFIER, "name": f"sly_parts:{name}"}
    return lambda patch, folder: clean_config(classifier=chosen)


def _with_label(
    name: str, group: str = "", **changes: Any
) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    groups = (*GROUPS, f"leaky_labels:{group}") if group else GROUPS
    label = {"name": f"leaky_labels:{name}"} if name else {}
    return lambda patch, folder: clean_config(label=label, features={"groups": groups}, **changes)


def with_classifier(name: str) -> RunConfig:
    """The same run with a user's own classifier."""
    chosen = {**CLASSIFIER, "name": f"hidden_parts:{name}"}
    return clean_config(classifier=chosen)


def _with_classifier(name: str) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    return lambda patch, folder: with_classifier(name)


def own_sources(
    folder: Path, prices: str = "HonestPrices", news: str = "HonestNews", **changes: Any
) -> RunConfig:
    """The same run on a user's own sources."""
    instruments = Path(synthetic.__file__).parent / "instruments.toml"
    values: dict[str, Any] = {
        "prices": {"source": f"leaky_sources:{prices}"},
        "news": {"source": f"leaky_sources:{news}"},
        "instruments": str(instruments),
        "universe": TICKERS,
        "data_dir": str(folder),
    }
    return clean_config(**{**values, **changes})


def _with_prices(name: str, **changes: Any) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    return lambda patch, folder: own_sources(folder, prices=name, **changes)


def _with_news(name: str) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    if name in ("RevisedInPlace", "KeptRevisions"):
        return lambda patch, folder: own_sources(folder, news=name)
    return lambda patch, folder: own_sources(
        folder, prices="TalkativePrices", news=name, universe=TALKATIVE
    )


def _edited(edit: edits.Edit, **changes: Any) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    def plant(patch: pytest.MonkeyPatch, folder: Path) -> RunConfig:
        edit(patch)
        return clean_config(**changes)

    return plant


def _on_payers(
    group: str = "", edit: edits.Edit | None = None
) -> Callable[[pytest.MonkeyPatch, Path], RunConfig]:
    def plant(patch: pytest.MonkeyPatch, folder: Path) -> RunConfig:
        if edit is not None:
            edit(patch)
        groups = (*GROUPS, f"leaky_features:{group}") if group else GROUPS
        return own_sources(folder, prices="PayingPrices", features={"groups": groups})

    return plant


def _negative_latency(patch: pytest.MonkeyPatch, folder: Path) -> RunConfig:
    clock = ClockSettings.model_construct(lead_minutes=30, latency_seconds=-7200.0)
    return clean_config().model_copy(update={"clock": clock})


def _duplicates(patch: pytest.MonkeyPatch, folder: Path) -> RunConfig:
    edits.one_key_a_story(patch)
    return own_sources(folder, news="Syndicated")


def _created_column(patch: pytest.MonkeyPatch, folder: Path) -> RunConfig:
    return clean_config(
        news={"source": "synthetic", "columns": {"available_at": "created_at"}},
    )


def _whole_universe(patch: pytest.MonkeyPatch, folder: Path) -> RunConfig:
    return own_sources(folder, prices="TodaysMembers", universe="all", instruments=None)


CASES = (
    # a user's own feature group
    Case(
        "same-session close", "the close of the session it trades", _with_group("SameSessionClose")
    ),
    Case("month end", "a month's figure on its last session", _with_group("MonthEnd")),
    Case("shift(-1)", "the next bar's close", _with_group("ShiftMinusOne")),
    Case("centered window", "a rolling mean around the bar", _with_group("CenteredWindow")),
    Case("scaled on all time", "mean and deviation of all bars", _with_group("ScaledOnAll")),
    Case("ranked on all time", "rank among all bars", _with_group("RankedOnAll")),
    Case("target-encoded ticker", "mean outcome of all time", _with_group("TargetEncodedTicker")),
    Case("back-filled start", "the first value, filled backwards", _with_group("BackFilledStart")),
    Case("weekly bars", "a week labeled by its first day", _with_group("WeeklyBars")),
    Case("future volume", "volume of the session it trades", _with_group("FutureVolume")),
    Case("interpolated", "a line drawn to the next known point", _with_group("Interpolated")),
    Case("filtered both ways", "a filter run backwards too", _with_group("FilteredBothWays")),
    Case("remembering module", "keeps a longer past of another run", _with_group("Remembering")),
    Case("next dividend", "days to a payout not yet known", _on_payers(group="NextDividend")),
    Case(
        "busy against all time", "mean story count of all rows", _with_group("BusyAgainstAllTime")
    ),
    Case("days to the next story", "the next row's date", _with_group("DaysToNextStory")),
    Case("index of the day", "the index close of the session", _with_group("IndexOfTheDay")),
    Case("own file of returns", "next week's returns from a file", _with_group("OwnFile")),
    Case(
        "level of adjusted prices",
        "a price that later payouts scale",
        lambda patch, folder: own_sources(
            folder,
            prices="AdjustedPrices",
            features={"groups": (*GROUPS, "leaky_features:LevelOfAdjusted")},
        ),
    ),
    Case("maximum of all time", "scaled by the highest close", _hidden("MaxOfAllTime")),
    Case("volatility of the month", "its last day's, on its first", _hidden("MonthlyVolatility")),
    Case("detrended", "a line through all closes", _hidden("Detrended")),
    Case("winsorized", "cut at quantiles of all time", _hidden("Winsorized")),
    Case("whole panel only", "stocks that never had a hole", _hidden("WholePanelOnly")),
    Case("sorted by the future", "the place among future gains", _hidden("SortedByTheFuture")),
    Case("cluster numbers", "clusters found among all rows", _hidden("ClusterNumbers")),
    Case("words by outcome", "what followed a word at any time", _hidden("WordsByOutcome")),
    Case("letters of all", "a language told by all texts", _hidden("LettersOfAll")),
    Case("neighbors", "what followed similar rows at any time", _hidden("Neighbors")),
    Case("seeded by the end", "noise that knows how many rows come", _hidden("SeededByTheEnd")),
    Case("elapsed share", "when the data will end", _hidden("ElapsedShare")),
    Case("kept elsewhere", "a longer past in a module of others", _hidden("KeptElsewhere")),
    Case("frame climber", "the market in its callers' frames", _hidden("FrameClimber")),
    # a user's own classifier
    Case("reads outcomes", "found in its callers' frames", _with_classifier("ReadsOutcomes")),
    Case("hoards rows", "of all fits, in a module of others", _with_classifier("HoardsElsewhere")),
    Case("hoards on disk", "rows of all fits, in a file", _with_classifier("HoardsOnDisk")),
    Case("draws unseeded", "another model each time", _with_classifier("DrawsUnseeded")),
    # a user's own strategy
    Case("tie by future volume", "which will trade most", _hidden_strategy("TieByFutureVolume")),
    Case(
        "volatility of all time",
        "a size that knows all bars",
        _hidden_strategy("SizedByAllTimeVolatility"),
    ),
    Case("close[1] in backtrader", "the next bar by a positive index", _with_strategy("NextClose")),
    Case("array behind a line", "the low of all time", _with_strategy("AllTimeLow")),
    Case("private history", "bars past the known count", _with_strategy("Digger")),
    Case(
        "future volume in sizing",
        "the volume of the fill's session",
        _with_strategy("VolumeDigger"),
    ),
    # a user's own prices
    Case("back-filled prices", "a hole filled from the next bar", _with_prices("BackFilledPrices")),
    Case(
        "adjusted in secret",
        "past prices scaled by later payouts",
        _with_prices("SecretlyAdjusted"),
    ),
    Case(
        "scaled by the last close",
        "the past depends on the file's end",
        _with_prices("NormalizedByTheLast"),
    ),
    Case("smoothed prices", "a median centered on the bar", _with_prices("SmoothedPrices")),
    Case("weekly bars as daily", "Monday's bar closes on Friday", _with_prices("WeeklyLeft")),
    Case("bars a session early", "tomorrow's bar under today's date", _with_prices("SessionEarly")),
    Case("bars a day early", "a naive zone moved the date", _with_prices("DayEarly")),
    Case("today's members", "the index as it is now", _whole_universe),
    # a user's own news
    Case("created_at", "a cluster's clock precedes its reports", _with_news("CreatedAt")),
    Case("dated to midnight", "a date taken for its first second", _with_news("DatedToMidnight")),
    Case("dated to the morning", "a date taken for 08:00", _with_news("DatedToMorning")),
    Case("naive zone", "UTC read as Hong Kong time", _with_news("NaiveZone")),
    Case("led by a session", "joined to the bar it moved", _with_news("SessionLed")),
    Case("revised in place", "the last text under the first clock", _with_news("RevisedInPlace")),
    Case("created_at column", "the config maps it to availability", _created_column),
    Case("prices kept elsewhere", "scaled by what was asked first", _with_prices("KeptScale")),
    Case("stories kept elsewhere", "told as they came to be", _with_news("KeptRevisions")),
    # a user's own label
    Case("label from the close before", "counts the gap", _with_label("FromTheCloseBefore")),
    Case("label said too soon", "a session before its open", _with_label("KnownTooSoon")),
    Case("label ends at a close", "known at the open before", _with_label("CloseKnownAtTheOpen")),
    Case("label at the best price", "the high of its last bar", _with_label("BestOfTheSpan")),
    Case("label against all time", "a median of all outcomes", _with_label("BetterThanMost")),
    Case("label of survivors", "what falls has no outcome", _with_label("SurvivorsOnly")),
    Case("label before its decision", "t0 too early", _with_label("AtTheSessionBefore")),
    Case("label as a feature", "of the session's own close", _with_label("", "LabelOfTheSession")),
    Case(
        "outcomes kept", "a feature finds them", _with_label("KeepsOutcomes", "ReadsKeptOutcomes")
    ),
    # what pandas makes easy
    Case("weekday's mean", "groupby().transform over all time", _sly("WeekdayMean")),
    Case("ranked in the panel", "rank(pct=True) over all rows", _sly("RankedInThePanel")),
    Case("quantile edges", "fifths of all rows", _sly("QuantileEdges")),
    Case("nearest merge", "merge_asof(direction='nearest')", _sly("NearestMerge")),
    Case("filled from the week", "a later table filled backwards", _sly("FilledFromTheWeek")),
    # what is kept outside
    Case("global noise", "numpy's one generator", _sly("GlobalNoise")),
    Case("counted in a file", "how often it was built", _sly("CountedInAFile")),
    Case("file time", "set by what comes", _sly("ByFileTime")),
    Case("kept beside it", "in a module beside its own", _sly("KeptBesideIt")),
    Case("kept on the calendar", "an attribute of what all share", _sly("KeptOnTheCalendar")),
    Case("kept in the environment", "child processes inherit it", _sly("KeptInTheEnvironment")),
    Case("kept on disk", "written once, read by all runs", _sly("KeptOnDisk")),
    Case("running means", "of all it was ever asked", _sly_classifier("RunningMeans")),
    Case("asked batch", "shifts by its callers' test rows", _sly_classifier("LearnsWhatItIsAsked")),
    # storms nobody knew of
    Case("storm ahead", "a feature counts coming sessions", _sly("StormAhead")),
    Case("late open ahead", "a feature asks for coming hours", _sly("LateOpen")),
    Case("out before storms", "a strategy does", _sly_strategy("OutBeforeStorms")),
    # how far a feature looks back
    Case("memory understated", "says 5 sessions, needs 60", _sly("Understated")),
    Case("memory not stated", "needs more than is kept free", _sly("Unstated")),
    Case("memory of stories", "says none, needs those of 40 rows", _sly("OldStories")),
    # more strategies
    Case("later pages", "of the signal book", _sly_strategy("LaterPages")),
    Case("sized by the index", "of the session to come", _sly_strategy("SizedByTheIndex")),
    Case("own table", "what will rise, from a copy of the prices", _sly_strategy("OwnTable")),
    Case(
        "compiled, private history",
        "bars past the known count, on the other engine",
        lambda patch, folder: clean_config(
            strategy={"name": "leaky_features:Digger"}, broker={"engine": "compiled"}
        ),
    ),
    # settings
    Case(
        "volume of the session",
        "a fill sized by what was not yet traded",
        lambda patch, folder: clean_config(broker={"participation_of": "session"}),
    ),
    Case("negative latency", "news used before it came", _negative_latency),
    # an edited stage
    Case(
        "published for available",
        "when it was had does not count",
        _edited(edits.published_taken_for_available),
    ),
    Case("lunch slip", "noon news for the morning", _edited(edits.lunch_counts_for_the_morning)),
    Case(
        "holiday slip", "a holiday counts as a session", _edited(edits.holidays_taken_for_sessions)
    ),
    Case(
        "news to the bar of its day", "a merge on the date", _edited(edits.news_to_the_close_before)
    ),
    Case("cut-off in the auction", "news during the auction", _edited(edits.half_an_hour_of_grace)),
    Case("later stories pooled", "next row's events", _edited(edits.later_stories_pooled)),
    Case("novelty of all time", "rare in all the years", _edited(edits.novelty_of_all_time)),
    Case("last copy kept", "drop_duplicates(keep='last')", _edited(edits.last_copy_kept)),
    Case(
        "latest revision only",
        "what was corrected later is gone",
        _edited(edits.latest_revision_only),
    ),
    Case("survivors only", "the tickers that rose", _edited(edits.survivors_only)),
    Case(
        "adjusted from the end",
        "growth counted backwards",
        _on_payers(edit=edits.growth_counted_from_the_end),
    ),
    Case(
        "entry at the close before",
        "a label that holds the gap",
        _edited(edits.entry_before_the_decision),
    ),
    Case("label one bar early", "t0 before the decision", _edited(edits.label_a_session_early)),
    Case(
        "label known too soon", "t1 says it is known at once", _edited(edits.label_known_too_soon)
    ),
    Case(
        "target by full-sample median",
        "up against all time",
        _edited(edits.target_by_full_sample_median),
    ),
    Case(
        "answers where known",
        "rows without an outcome vanish",
        _edited(edits.answers_only_where_known),
    ),
    Case("weights of all time", "rows a stock will have", _edited(edits.weights_of_all_time)),
    Case(
        "parameters by the test",
        "chosen by what they earned",
        _edited(edits.parameters_by_the_test),
    ),
    Case(
        "quiet stocks dropped", "by all stories there will be", _edited(edits.quiet_stocks_dropped)
    ),
    Case("universe by volume", "of all time", _edited(edits.universe_by_volume)),
    Case("shuffled k-fold", "later rows train", _edited(edits.shuffled_k_fold)),
    Case("trained on the test", "the test rows train", _edited(edits.trained_on_the_test)),
    Case("not purged", "outcomes of the test window train", _edited(edits.not_purged)),
    Case("duplicates across folds", "the same story on both sides", _duplicates),
    Case(
        "scaled on all rows", "a scaler fitted before the split", _edited(edits.scaled_on_all_rows)
    ),
    Case(
        "imputed on all rows",
        "zeros filled by means of all time",
        _edited(edits.imputed_on_all_rows),
    ),
    Case(
        "words weighed on all rows",
        "a vectorizer fitted before the split",
        _edited(edits.words_weighed_on_all_rows),
    ),
    Case(
        "columns chosen on all rows",
        "selected by the outcome of all rows",
        _edited(edits.columns_chosen_on_all_rows),
    ),
    Case(
        "calibrated on the test",
        "slope fitted to test outcomes",
        _edited(edits.calibrated_on_the_test),
    ),
    Case(
        "refitted on everything",
        "the final model answers the past",
        _edited(edits.refitted_on_everything),
    ),
    Case(
        "answers of a later model",
        "the last fold's model speaks for all",
        _edited(edits.answers_of_a_later_model),
    ),
    Case(
        "ranked probabilities",
        "ranks among all answers",
        _edited(edits.probabilities_with_hindsight),
    ),
    Case(
        "threshold on the test", "the median of all answers", _edited(edits.threshold_on_the_test)
    ),
    Case("best fifth of all days", "a cut known at the end only", _edited(edits.best_days_only)),
    Case(
        "in-sample figures",
        "metrics of the training rows",
        _edited(edits.figures_of_the_training_rows),
    ),
    Case(
        "signals a session early",
        "traded before they were decided",
        _edited(edits.signals_a_session_early),
    ),
    Case(
        "fills at the decision bar",
        "the close it was decided on",
        _edited(edits.fills_at_the_decision_bar),
    ),
    Case(
        "fills at the best price", "the low of the session", _edited(edits.fills_at_the_best_price)
    ),
    Case("fills at the close", "an order for the open waits", _edited(edits.fills_at_the_close)),
    Case(
        "marked at the next close", "equity knows tomorrow", _edited(edits.marked_at_the_next_close)
    ),
)
