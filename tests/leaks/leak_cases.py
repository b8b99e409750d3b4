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
from backtests.robustness.lookahead import DAYS
from markets.calendar import ClockSettings

GROUPS = ("events", "magnitudes", "moved", "tone", "flow", "prices")


DECISION = r"^\d{4}-\d\d-\d\d \d\d:\d\d 9900\d\.HK$"
MONTH_END = r"^\d{4}-\d\d-(2[6-9]|3[01]) "
BAR = r"^\d{4}-\d\d-\d\d 9900\d\.HK$"
TICKER = r"^9900\d\.HK$"
STORY = r"^[\w ]+/syn-\d+$"
LATE_STORY = r"^\d{4}-\d\d-\d\d 9900\d\.HK syn-\d+$"
ORDER = r"^order \d+ decided \d{4}-\d\d-\d\d 9900\d\.HK$"
FILL = r"^fill \d+ on \d{4}-\d\d-\d\d 9900\d\.HK$"
FOLD = r"^fold \d+ from "
FOLD_ROW = r"^fold \d+, \d{4}-\d\d-\d\d \d\d:\d\d 9900\d\.HK$"


@dataclass(frozen=True)
class Place:
    """Where a leak is, as far as an audit can know it: a finding must name it."""

    stage: str
    column: str = ""
    row: str = ""
    """A pattern; a suspicion about all rows names none."""


FEATURE = Place("features", "own__value", DECISION)
MODEL = Place("splits", "model_sha256", FOLD)
ANSWERS = Place("probabilities", "probability", DECISION)
ORDERS = Place("orders", row=ORDER)
CLOCKS = Place("stories", "available_at", r"^syn-\d+ 9900\d\.HK \d{4}-\d\d-\d\d$")
LATE = Place("rows", "available_at", LATE_STORY)


@dataclass(frozen=True)
class Case:
    """A leak, the run it is planted in, and where a finding must say it is."""

    name: str
    why: str
    plant: Callable[[pytest.MonkeyPatch, Path], RunConfig]
    at: Place
    days: int = 16
    """As of how many days stages are made again: what is rare needs an audit's own number."""


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
        "same-session close",
        "the close of the session it trades",
        _with_group("SameSessionClose"),
        FEATURE,
    ),
    Case(
        "month end",
        "a month's figure on its last session",
        _with_group("MonthEnd"),
        Place("features", "own__value", MONTH_END),
    ),
    Case("shift(-1)", "the next bar's close", _with_group("ShiftMinusOne"), FEATURE),
    Case(
        "centered window", "a rolling mean around the bar", _with_group("CenteredWindow"), FEATURE
    ),
    Case(
        "scaled on all time", "mean and deviation of all bars", _with_group("ScaledOnAll"), FEATURE
    ),
    Case("ranked on all time", "rank among all bars", _with_group("RankedOnAll"), FEATURE),
    Case(
        "target-encoded ticker",
        "mean outcome of all time",
        _with_group("TargetEncodedTicker"),
        FEATURE,
    ),
    Case(
        "back-filled start",
        "the first value, filled backwards",
        _with_group("BackFilledStart"),
        FEATURE,
    ),
    Case("weekly bars", "a week labeled by its first day", _with_group("WeeklyBars"), FEATURE),
    Case("future volume", "volume of the session it trades", _with_group("FutureVolume"), FEATURE),
    Case(
        "interpolated", "a line drawn to the next known point", _with_group("Interpolated"), FEATURE
    ),
    Case(
        "filtered both ways", "a filter run backwards too", _with_group("FilteredBothWays"), FEATURE
    ),
    Case(
        "remembering module",
        "keeps a longer past of another run",
        _with_group("Remembering"),
        FEATURE,
    ),
    Case(
        "next dividend", "days to a payout not yet known", _on_payers(group="NextDividend"), FEATURE
    ),
    Case(
        "busy against all time",
        "mean story count of all rows",
        _with_group("BusyAgainstAllTime"),
        FEATURE,
    ),
    Case("days to the next story", "the next row's date", _with_group("DaysToNextStory"), FEATURE),
    Case(
        "index of the day", "the index close of the session", _with_group("IndexOfTheDay"), FEATURE
    ),
    Case("own file of returns", "next week's returns from a file", _with_group("OwnFile"), FEATURE),
    Case(
        "level of adjusted prices",
        "a price that later payouts scale",
        lambda patch, folder: own_sources(
            folder,
            prices="AdjustedPrices",
            features={"groups": (*GROUPS, "leaky_features:LevelOfAdjusted")},
        ),
        FEATURE,
    ),
    Case("maximum of all time", "scaled by the highest close", _hidden("MaxOfAllTime"), FEATURE),
    Case(
        "volatility of the month",
        "its last day's, on its first",
        _hidden("MonthlyVolatility"),
        FEATURE,
    ),
    Case("detrended", "a line through all closes", _hidden("Detrended"), FEATURE),
    Case("winsorized", "cut at quantiles of all time", _hidden("Winsorized"), FEATURE),
    Case("whole panel only", "stocks that never had a hole", _hidden("WholePanelOnly"), FEATURE),
    Case(
        "sorted by the future",
        "the place among future gains",
        _hidden("SortedByTheFuture"),
        FEATURE,
    ),
    Case("cluster numbers", "clusters found among all rows", _hidden("ClusterNumbers"), FEATURE),
    Case(
        "words by outcome", "what followed a word at any time", _hidden("WordsByOutcome"), FEATURE
    ),
    Case("letters of all", "a language told by all texts", _hidden("LettersOfAll"), FEATURE),
    Case("neighbors", "what followed similar rows at any time", _hidden("Neighbors"), FEATURE),
    Case(
        "seeded by the end",
        "noise that knows how many rows come",
        _hidden("SeededByTheEnd"),
        FEATURE,
    ),
    Case("elapsed share", "when the data will end", _hidden("ElapsedShare"), FEATURE),
    Case(
        "kept elsewhere", "a longer past in a module of others", _hidden("KeptElsewhere"), FEATURE
    ),
    Case("frame climber", "the market in its callers' frames", _hidden("FrameClimber"), FEATURE),
    # a user's own classifier
    Case(
        "reads outcomes", "found in its callers' frames", _with_classifier("ReadsOutcomes"), ANSWERS
    ),
    Case(
        "hoards rows",
        "of all fits, in a module of others",
        _with_classifier("HoardsElsewhere"),
        MODEL,
    ),
    Case("hoards on disk", "rows of all fits, in a file", _with_classifier("HoardsOnDisk"), MODEL),
    Case("draws unseeded", "another model each time", _with_classifier("DrawsUnseeded"), MODEL),
    # a user's own strategy
    Case(
        "tie by future volume",
        "which will trade most",
        _hidden_strategy("TieByFutureVolume"),
        ORDERS,
    ),
    Case(
        "volatility of all time",
        "a size that knows all bars",
        _hidden_strategy("SizedByAllTimeVolatility"),
        Place("orders", "shares", ORDER),
    ),
    Case(
        "close[1] in backtrader",
        "the next bar by a positive index",
        _with_strategy("NextClose"),
        ORDERS,
    ),
    Case("array behind a line", "the low of all time", _with_strategy("AllTimeLow"), ORDERS),
    Case("private history", "bars past the known count", _with_strategy("Digger"), ORDERS),
    Case(
        "future volume in sizing",
        "the volume of the fill's session",
        _with_strategy("VolumeDigger"),
        ORDERS,
    ),
    # a user's own prices
    Case(
        "back-filled prices",
        "a hole filled from the next bar",
        _with_prices("BackFilledPrices"),
        Place("prices", row=BAR),
    ),
    Case(
        "adjusted in secret",
        "past prices scaled by later payouts",
        _with_prices("SecretlyAdjusted"),
        Place("prices", "close", TICKER),
    ),
    Case(
        "scaled by the last close",
        "the past depends on the file's end",
        _with_prices("NormalizedByTheLast"),
        Place("prices", "close", TICKER),
    ),
    Case(
        "smoothed prices",
        "a median centered on the bar",
        _with_prices("SmoothedPrices"),
        Place("prices", "close", BAR),
    ),
    Case(
        "weekly bars as daily",
        "Monday's bar closes on Friday",
        _with_prices("WeeklyLeft"),
        Place("prices"),
    ),
    Case(
        "bars a session early",
        "tomorrow's bar under today's date",
        _with_prices("SessionEarly"),
        Place("prices", "session"),
    ),
    Case(
        "bars a day early", "a naive zone moved the date", _with_prices("DayEarly"), Place("prices")
    ),
    Case(
        "today's members",
        "the index as it is now",
        _whole_universe,
        Place("universe", "universe", "^hstech$"),
    ),
    # a user's own news
    Case("created_at", "a cluster's clock precedes its reports", _with_news("CreatedAt"), CLOCKS),
    Case(
        "dated to midnight",
        "a date taken for its first second",
        _with_news("DatedToMidnight"),
        CLOCKS,
    ),
    Case("dated to the morning", "a date taken for 08:00", _with_news("DatedToMorning"), CLOCKS),
    Case("naive zone", "UTC read as Hong Kong time", _with_news("NaiveZone"), CLOCKS),
    Case("led by a session", "joined to the bar it moved", _with_news("SessionLed"), CLOCKS),
    Case(
        "revised in place",
        "the last text under the first clock",
        _with_news("RevisedInPlace"),
        Place("stories", row=STORY),
    ),
    Case(
        "created_at column",
        "the config maps it to availability",
        _created_column,
        Place("stories", "news.columns.available_at"),
    ),
    Case(
        "prices kept elsewhere",
        "scaled by what was asked first",
        _with_prices("KeptScale"),
        Place("prices", "close", TICKER),
    ),
    Case(
        "stories kept elsewhere",
        "told as they came to be",
        _with_news("KeptRevisions"),
        Place("stories", row=STORY),
    ),
    # a user's own label
    Case(
        "label from the close before",
        "counts the gap",
        _with_label("FromTheCloseBefore"),
        Place("labels", "forward_return", DECISION),
    ),
    Case(
        "label said too soon",
        "a session before its open",
        _with_label("KnownTooSoon"),
        Place("labels", row=DECISION),
    ),
    Case(
        "label ends at a close",
        "known at the open before",
        _with_label("CloseKnownAtTheOpen"),
        Place("labels", "forward_return", DECISION),
    ),
    Case(
        "label at the best price",
        "the high of its last bar",
        _with_label("BestOfTheSpan"),
        Place("labels", "forward_return", DECISION),
    ),
    Case(
        "label against all time",
        "a median of all outcomes",
        _with_label("BetterThanMost"),
        Place("labels", "target", DECISION),
    ),
    Case(
        "label of survivors",
        "what falls has no outcome",
        _with_label("SurvivorsOnly"),
        Place("labels", row=DECISION),
    ),
    Case(
        "label before its decision",
        "t0 too early",
        _with_label("AtTheSessionBefore"),
        Place("labels", row="AtTheSessionBefore, row 2023"),
    ),
    Case(
        "label as a feature",
        "of the session's own close",
        _with_label("", "LabelOfTheSession"),
        FEATURE,
    ),
    Case(
        "outcomes kept",
        "a feature finds them",
        _with_label("KeepsOutcomes", "ReadsKeptOutcomes"),
        FEATURE,
    ),
    # what pandas makes easy
    Case("weekday's mean", "groupby().transform over all time", _sly("WeekdayMean"), FEATURE),
    Case("ranked in the panel", "rank(pct=True) over all rows", _sly("RankedInThePanel"), FEATURE),
    Case("quantile edges", "fifths of all rows", _sly("QuantileEdges"), FEATURE),
    Case("nearest merge", "merge_asof(direction='nearest')", _sly("NearestMerge"), FEATURE),
    Case(
        "filled from the week", "a later table filled backwards", _sly("FilledFromTheWeek"), FEATURE
    ),
    # what is kept outside
    Case("global noise", "numpy's one generator", _sly("GlobalNoise"), FEATURE),
    Case("counted in a file", "how often it was built", _sly("CountedInAFile"), FEATURE),
    Case("file time", "set by what comes", _sly("ByFileTime"), FEATURE),
    Case("kept beside it", "in a module beside its own", _sly("KeptBesideIt"), FEATURE),
    Case(
        "kept on the calendar", "an attribute of what all share", _sly("KeptOnTheCalendar"), FEATURE
    ),
    Case(
        "kept in the environment",
        "child processes inherit it",
        _sly("KeptInTheEnvironment"),
        Place("features", "environment"),
    ),
    Case(
        "kept on disk",
        "written once, read by all runs",
        _sly("KeptOnDisk"),
        Place("features", "file"),
    ),
    Case("running means", "of all it was ever asked", _sly_classifier("RunningMeans"), ANSWERS),
    Case("counts its fits", "those of baselines, too", _sly_classifier("CountsItsFits"), MODEL),
    Case(
        "asked batch",
        "shifts by its callers' test rows",
        _sly_classifier("LearnsWhatItIsAsked"),
        ANSWERS,
    ),
    # on one session in seventeen
    Case(
        "rare close",
        "of the session it trades, seldom",
        _sly("CloseNowAndThen"),
        FEATURE,
        days=DAYS,
    ),
    Case(
        "rare close in a label",
        "of the open it is known at, seldom",
        _with_label("CloseNowAndThen"),
        Place("labels", row=DECISION),
        days=DAYS,
    ),
    Case(
        "rare close from the next open",
        "a bar that knows the next, seldom",
        _with_prices("CloseNowAndThen"),
        Place("prices", "close", BAR),
        days=DAYS,
    ),
    Case("rare dig", "for the next close, seldom", _sly_strategy("DiggerNowAndThen"), ORDERS),
    # storms nobody knew of
    Case(
        "storm ahead",
        "a feature counts coming sessions",
        _sly("StormAhead"),
        Place("features", "own__value", "^2023-07-1[234] "),
    ),
    Case(
        "late open ahead",
        "a feature asks for coming hours",
        _sly("LateOpen"),
        Place("features", "own__value", "^2023-10-0[3-9] "),
    ),
    Case(
        "out before storms",
        "a strategy does",
        _sly_strategy("OutBeforeStorms"),
        Place("orders", row="decided 2023-08-3[01] "),
    ),
    # how far a feature looks back
    Case("memory understated", "says 5 sessions, needs 60", _sly("Understated"), FEATURE),
    Case("memory not stated", "needs more than is kept free", _sly("Unstated"), FEATURE),
    Case("memory of stories", "says none, needs those of 40 rows", _sly("OldStories"), FEATURE),
    # more strategies
    Case("later pages", "of the signal book", _sly_strategy("LaterPages"), ORDERS),
    Case(
        "sized by the index",
        "of the session to come",
        _sly_strategy("SizedByTheIndex"),
        Place("orders", "shares", ORDER),
    ),
    Case(
        "own table",
        "what will rise, from a copy of the prices",
        _sly_strategy("OwnTable"),
        Place("orders", "side"),
    ),
    Case(
        "compiled, private history",
        "bars past the known count, on the other engine",
        lambda patch, folder: clean_config(
            strategy={"name": "leaky_features:Digger"}, broker={"engine": "compiled"}
        ),
        ORDERS,
    ),
    # settings
    Case(
        "volume of the session",
        "a fill sized by what was not yet traded",
        lambda patch, folder: clean_config(broker={"participation_of": "session"}),
        Place("fills", "broker.participation_of"),
    ),
    Case("negative latency", "news used before it came", _negative_latency, Place("rows", "clock")),
    # an edited stage
    Case(
        "published for available",
        "when it was had does not count",
        _edited(edits.published_taken_for_available),
        LATE,
    ),
    Case(
        "lunch slip", "noon news for the morning", _edited(edits.lunch_counts_for_the_morning), LATE
    ),
    Case(
        "holiday slip",
        "a holiday counts as a session",
        _edited(edits.holidays_taken_for_sessions),
        Place("rows", "session", "^2023-01-2[3-5] "),
    ),
    Case(
        "news to the bar of its day",
        "a merge on the date",
        _edited(edits.news_to_the_close_before),
        LATE,
    ),
    Case(
        "cut-off in the auction",
        "news during the auction",
        _edited(edits.half_an_hour_of_grace),
        LATE,
    ),
    Case(
        "later stories pooled",
        "next row's events",
        _edited(edits.later_stories_pooled),
        Place("rows", "events", BAR),
    ),
    Case(
        "novelty of all time",
        "rare in all the years",
        _edited(edits.novelty_of_all_time),
        Place("readings", "events", STORY),
    ),
    Case(
        "last copy kept",
        "drop_duplicates(keep='last')",
        _edited(edits.last_copy_kept),
        Place("readings", row=STORY),
    ),
    Case(
        "latest revision only",
        "what was corrected later is gone",
        _edited(edits.latest_revision_only),
        Place("readings", "text", STORY),
    ),
    Case(
        "survivors only",
        "the tickers that rose",
        _edited(edits.survivors_only),
        Place("universe", row=BAR),
    ),
    Case(
        "adjusted from the end",
        "growth counted backwards",
        _on_payers(edit=edits.growth_counted_from_the_end),
        Place("features", "prices__return_20", DECISION),
    ),
    Case(
        "entry at the close before",
        "a label that holds the gap",
        _edited(edits.entry_before_the_decision),
        Place("labels", "raw_return", DECISION),
    ),
    Case(
        "label one bar early",
        "t0 before the decision",
        _edited(edits.label_a_session_early),
        Place("labels", "t0", DECISION),
    ),
    Case(
        "label known too soon",
        "t1 says it is known at once",
        _edited(edits.label_known_too_soon),
        Place("labels", "t1", DECISION),
    ),
    Case(
        "target by full-sample median",
        "up against all time",
        _edited(edits.target_by_full_sample_median),
        Place("labels", "target", DECISION),
    ),
    Case(
        "answers where known",
        "rows without an outcome vanish",
        _edited(edits.answers_only_where_known),
        Place("probabilities", row=DECISION),
    ),
    Case(
        "weights of all time",
        "rows a stock will have",
        _edited(edits.weights_of_all_time),
        Place("labels", "weight", DECISION),
    ),
    Case(
        "parameters by the test",
        "chosen by what they earned",
        _edited(edits.parameters_by_the_test),
        Place("splits", "params", "^fold 0"),
    ),
    Case(
        "quiet stocks dropped",
        "by all stories there will be",
        _edited(edits.quiet_stocks_dropped),
        Place("signals", "direction", BAR),
    ),
    Case(
        "universe by volume",
        "of all time",
        _edited(edits.universe_by_volume),
        Place("universe", row=BAR),
    ),
    Case(
        "shuffled k-fold",
        "later rows train",
        _edited(edits.shuffled_k_fold),
        Place("splits", "session", FOLD_ROW),
    ),
    Case(
        "trained on the test",
        "the test rows train",
        _edited(edits.trained_on_the_test),
        Place("splits", "row", FOLD_ROW),
    ),
    Case(
        "not purged",
        "outcomes of the test window train",
        _edited(edits.not_purged),
        Place("splits", "t1", FOLD_ROW),
    ),
    Case(
        "duplicates across folds",
        "the same story on both sides",
        _duplicates,
        Place("splits", "story", FOLD_ROW),
    ),
    Case(
        "scaled on all rows",
        "a scaler fitted before the split",
        _edited(edits.scaled_on_all_rows),
        MODEL,
    ),
    Case(
        "imputed on all rows",
        "zeros filled by means of all time",
        _edited(edits.imputed_on_all_rows),
        Place("features", "events__earnings", DECISION),
    ),
    Case(
        "words weighed on all rows",
        "a vectorizer fitted before the split",
        _edited(edits.words_weighed_on_all_rows),
        MODEL,
    ),
    Case(
        "columns chosen on all rows",
        "selected by the outcome of all rows",
        _edited(edits.columns_chosen_on_all_rows),
        MODEL,
    ),
    Case(
        "calibrated on the test",
        "slope fitted to test outcomes",
        _edited(edits.calibrated_on_the_test),
        Place("splits", "train_rows", "^fold 0$"),
    ),
    Case(
        "refitted on everything",
        "the final model answers the past",
        _edited(edits.refitted_on_everything),
        Place("splits", "train_rows", "^fold 0$"),
    ),
    Case(
        "answers of a later model",
        "the last fold's model speaks for all",
        _edited(edits.answers_of_a_later_model),
        ANSWERS,
    ),
    Case(
        "ranked probabilities",
        "ranks among all answers",
        _edited(edits.probabilities_with_hindsight),
        ANSWERS,
    ),
    Case(
        "threshold on the test",
        "the median of all answers",
        _edited(edits.threshold_on_the_test),
        Place("signals", "direction", BAR),
    ),
    Case(
        "best fifth of all days",
        "a cut known at the end only",
        _edited(edits.best_days_only),
        Place("signals", "direction", BAR),
    ),
    Case(
        "in-sample figures",
        "metrics of the training rows",
        _edited(edits.figures_of_the_training_rows),
        Place("probabilities", "brier", "^fold 0$"),
    ),
    Case(
        "signals a session early",
        "traded before they were decided",
        _edited(edits.signals_a_session_early),
        Place("signals", "decided_at", BAR),
    ),
    Case(
        "fills at the decision bar",
        "the close it was decided on",
        _edited(edits.fills_at_the_decision_bar),
        Place("fills", "price_hkd", FILL),
    ),
    Case(
        "fills at the best price",
        "the low of the session",
        _edited(edits.fills_at_the_best_price),
        Place("fills", "price_hkd", FILL),
    ),
    Case(
        "fills at the close",
        "an order for the open waits",
        _edited(edits.fills_at_the_close),
        Place("fills", "price_hkd", FILL),
    ),
    Case(
        "marked at the next close",
        "equity knows tomorrow",
        _edited(edits.marked_at_the_next_close),
        Place("equity", "holdings_hkd", r"^\d{4}-\d\d-\d\d$"),
    ),
)
