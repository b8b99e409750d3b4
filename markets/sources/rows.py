"""Which rows of a price table are bars, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from markets.errors import DataError, TickerError
from markets.prices import BAR_COLUMNS, PRICE_COLUMNS, RejectedRow
from markets.sources.dates import Sessions, read_sessions
from markets.tickers import normalize_ticker
from markets.wording import counted

# Adjusting prices by a factor can lift an open above its high by one float; that is no error of the
# source. A tick of the cheapest stock is far above it.
FLOAT_NOISE = 1e-9

_SHOWN = 3

SessionTest = Callable[[date], bool]
"""Whether a Hong Kong date is a trading session."""


@dataclass(frozen=True)
class Sifted:
    """A table, sifted.

    Attributes
    ----------
    frames : dict of str to DataFrame
        Good rows by ticker (or index name), indexed by session, ascending.
    rejections : tuple of RejectedRow
        The rows that are none, in the order of the table.
    untraded : dict of str to DatetimeIndex
        Sessions with zero volume: no trade, hence no bar, and no error either.
    judged : int
        Rows looked at: good, rejected and untraded.
    judged_names : tuple of str
        Tickers (or index names) these rows were about, sorted.
    """

    frames: dict[str, pd.DataFrame]
    rejections: tuple[RejectedRow, ...]
    untraded: dict[str, pd.DatetimeIndex]
    judged: int
    judged_names: tuple[str, ...]

    def trusted(self, most: float, where: str, broken: Sequence[RejectedRow] = ()) -> Sifted:
        """Return the same with the lines that were no rows at all among the rejections.

        Parameters
        ----------
        most : float
            Share of the rows that may be rejected.
        where : str
            Named in the error.
        broken : sequence of RejectedRow
            Lines that could not be read as rows.

        Raises
        ------
        DataError
            If more are rejected, naming the first: a table with that many is not the table it is
            taken for.
        """
        rejections = (*broken, *self.rejections)
        judged = self.judged + len(broken)
        if len(rejections) > most * max(judged, 1):
            shown = [str(row) for row in rejections[:_SHOWN]]
            raise DataError(
                "too many rows are no bars",
                given="; ".join([f"{len(rejections):,} of {counted(judged, 'row')}", *shown]),
                wanted=f"at most {most:.1%} of them rejected (max_rejected_share)",
                where=where,
            )
        return replace(self, rejections=rejections, judged=judged)


@dataclass(frozen=True)
class _Rule:
    problem: str
    wanted: str
    broken: np.ndarray
    given: tuple[str, ...]


def sift(
    table: pd.DataFrame,
    *,
    names: Sequence[str] | None = None,
    start: date | None = None,
    end: date | None = None,
    is_session: SessionTest | None = None,
    tickers: bool = True,
) -> Sifted:
    """Part the rows of a price table into bars, days without a trade, and rejects.

    Parameters
    ----------
    table : DataFrame
        Columns `file` and `row` (for errors), `ticker` (any spelling), `date`, price columns and
        `volume` as far as there are, `currency` if there is one. Any row order.
    names : sequence of str, optional
        Keep only these tickers (normalized); rows of others are not judged.
    start, end : date, optional
        Keep only sessions from `start` to `end`, both included; other rows are not judged.
    is_session : callable, optional
        Rejects rows on dates for which it is False.
    tickers : bool
        False for an index table, whose names are taken as they are.

    Returns
    -------
    Sifted

    Notes
    -----
    A row whose volume is zero is no bar whatever its prices say: sources carry the last close
    forward through halts and closed days. Of equal rows the first is kept; of rows that contradict
    each other none is, because nobody knows which is true.
    """
    normal = _normal_tickers(table["ticker"]) if tickers else table["ticker"].astype("object")
    sessions = read_sessions(table["date"])
    chosen = np.ones(len(table), dtype=bool)
    if names is not None:
        chosen &= (normal.isin(list(names)) | normal.isna()).to_numpy()
    for bound, outside in ((start, np.less), (end, np.greater)):
        if bound is not None:
            chosen &= ~outside(sessions.days, np.datetime64(bound, "s"))
    table, normal = table.loc[chosen], normal.loc[chosen]
    sessions = sessions.loc(chosen)

    columns = [name for name in BAR_COLUMNS if name in table.columns]
    numbers = {name: _numbers(table[name]) for name in columns}
    _quiet_float_noise(numbers)
    idle = numbers["volume"] == 0 if "volume" in numbers else np.zeros(len(table), dtype=bool)
    rules = [
        *_key_rules(normal, table["date"], sessions),
        *_value_rules(table, numbers, idle, sessions, is_session),
    ]
    verdict = _first_broken(rules, len(table))
    for repeat in _repeats(normal, sessions.days, numbers, idle, verdict < 0):
        verdict[repeat.broken] = len(rules)
        rules.append(repeat)
    idle = idle & (verdict < 0)
    good = (verdict < 0) & ~idle

    frame = pd.DataFrame(
        {name: values[good] for name, values in numbers.items()},
        index=pd.DatetimeIndex(sessions.days[good], name="session"),
    )
    return Sifted(
        frames=_by_name(frame, normal.to_numpy()[good]),
        rejections=tuple(_records(table, rules, verdict)),
        untraded={
            str(name): pd.DatetimeIndex(np.unique(days))
            for name, days in pd.Series(sessions.days[idle]).groupby(normal.to_numpy()[idle])
        },
        judged=len(table),
        judged_names=tuple(sorted(normal.dropna().unique())),
    )


def _normal_tickers(column: pd.Series) -> pd.Series:
    """Return normalized tickers, None where there is none to read."""
    spellings: dict[object, str | None] = {}
    for given in column.unique():
        try:
            spellings[given] = normalize_ticker(str(given))
        except TickerError:
            spellings[given] = None
    return column.map(spellings).astype("object")


def _numbers(column: pd.Series) -> np.ndarray:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.array(values)


def _absent(column: pd.Series) -> np.ndarray:
    """Return where a cell says nothing at all, as against something that is no value."""
    blank = column.isna()
    if not pd.api.types.is_numeric_dtype(column.dtype):
        blank |= column.astype("str").str.strip() == ""
    return blank.to_numpy(dtype=bool)


def _quiet_float_noise(numbers: dict[str, np.ndarray]) -> None:
    if not all(name in numbers for name in PRICE_COLUMNS):
        return
    opens, closes = numbers["open"], numbers["close"]
    for name, pick in (("high", np.fmax), ("low", np.fmin)):
        bound = pick(opens, closes)
        with np.errstate(invalid="ignore"):
            noisy = np.abs(bound - numbers[name]) <= FLOAT_NOISE * np.abs(bound)
        numbers[name][noisy] = pick(numbers[name], bound)[noisy]


def _key_rules(tickers: pd.Series, dates: pd.Series, sessions: Sessions) -> Iterator[_Rule]:
    yield _Rule(
        "no Hong Kong ticker",
        "a code of 1 to 5 digits, as in 700 or 0700.HK",
        tickers.isna().to_numpy(),
        ("ticker",),
    )
    absent = _absent(dates)
    wanted = "an exchange date that exists, YYYY-MM-DD"
    yield _Rule("no date", wanted, sessions.unreadable & absent, ("date",))
    yield _Rule("not a date", wanted, sessions.unreadable & ~absent, ("date",))
    yield _Rule(
        "a time of day where a session was wanted",
        "a date without a time, or midnight in Hong Kong with its zone",
        sessions.timed,
        ("date",),
    )


def _value_rules(
    table: pd.DataFrame,
    numbers: dict[str, np.ndarray],
    idle: np.ndarray,
    sessions: Sessions,
    is_session: SessionTest | None,
) -> Iterator[_Rule]:
    prices = [name for name in PRICE_COLUMNS if name in numbers]
    if "currency" in table.columns:
        yield _Rule(
            "another currency", "HKD", (table["currency"] != "HKD").to_numpy(), ("currency",)
        )
    if "volume" in numbers:
        volume, absent = numbers["volume"], _absent(table["volume"])
        bad = ~(np.isfinite(volume) & (volume >= 0))
        wanted = "a number of shares, 0 or more"
        yield _Rule("no volume", wanted, bad & absent, ("volume",))
        yield _Rule("not a volume", wanted, bad & ~absent, ("volume",))
    for name in prices:
        values, absent = numbers[name], _absent(table[name])
        bad = ~idle & ~np.isfinite(values)
        yield _Rule("no price", "a number above 0", bad & absent, (name,))
        yield _Rule("not a price", "a number above 0", bad & ~absent, (name,))
        with np.errstate(invalid="ignore"):
            yield _Rule("a price of zero or less", "above 0", ~idle & (values <= 0), (name,))
    if len(prices) == len(PRICE_COLUMNS):
        opens, highs, lows, closes = (numbers[name] for name in PRICE_COLUMNS)
        with np.errstate(invalid="ignore"):
            inverted = (lows > np.fmin(opens, closes)) | (highs < np.fmax(opens, closes))
        yield _Rule(
            "prices out of order", "low ≤ open, close ≤ high", ~idle & inverted, PRICE_COLUMNS
        )
    if is_session is not None:
        closed = _closed(sessions.days, is_session) & ~idle
        yield _Rule(
            "no trading session on this date", "a session of the calendar", closed, ("date",)
        )


def _closed(days: np.ndarray, is_session: SessionTest) -> np.ndarray:
    known = ~np.isnat(days)
    unique, inverse = np.unique(days[known], return_inverse=True)
    open_days = [is_session(day) for day in unique.astype("datetime64[D]").tolist()]
    closed = np.zeros(len(days), dtype=bool)
    closed[known] = ~np.array(open_days, dtype=bool)[inverse]
    return closed


def _repeats(
    tickers: pd.Series,
    days: np.ndarray,
    numbers: dict[str, np.ndarray],
    idle: np.ndarray,
    whole: np.ndarray,
) -> tuple[_Rule, _Rule]:
    """Return the rules on rows for one ticker and session that stand more than once.

    Only rows that broke no rule before (`whole`) are compared, and days without a trade whatever
    prices they carry.
    """
    keys = pd.DataFrame({"ticker": tickers.to_numpy(), "day": days})[whole]
    told = pd.DataFrame({name: np.where(idle, 0.0, values) for name, values in numbers.items()})
    rows = pd.concat([keys, told[whole]], axis=1)
    again = rows.duplicated(keep="first").to_numpy()
    # Equal rows aside, a key that is still there twice stands with two different values.
    contradicted = keys[~again].duplicated(keep=False).reindex(keys.index, fill_value=False)

    def rule(problem: str, hit: np.ndarray) -> _Rule:
        broken = np.zeros(len(whole), dtype=bool)
        broken[np.flatnonzero(whole)] = hit
        given = ("ticker", "date", *numbers)
        return _Rule(problem, "one row for a ticker and session", broken, given)

    return (
        rule("the same row again", again),
        rule("rows that contradict each other", contradicted.to_numpy(dtype=bool)),
    )


def _first_broken(rules: Sequence[_Rule], count: int) -> np.ndarray:
    verdict = np.full(count, -1)
    for place in range(len(rules) - 1, -1, -1):
        verdict[rules[place].broken] = place
    return verdict


def _records(
    table: pd.DataFrame, rules: Sequence[_Rule], verdict: np.ndarray
) -> Iterator[RejectedRow]:
    for row in np.flatnonzero(verdict >= 0):
        rule = rules[verdict[row]]
        given = ", ".join(f"{name} {_shown(table[name].iloc[row])}" for name in rule.given)
        where = f"{table['file'].iloc[row]} {table['row'].iloc[row]}"
        yield RejectedRow(where, rule.problem, given, rule.wanted)


def _shown(cell: object) -> str:
    text = "" if pd.isna(cell) else str(cell)  # type: ignore[call-overload]
    return text if text.strip() else "(empty)"


def _by_name(frame: pd.DataFrame, names: np.ndarray) -> dict[str, pd.DataFrame]:
    found: dict[str, pd.DataFrame] = {}
    for name, rows in frame.groupby(names, sort=True):
        found[str(name)] = rows.sort_index(kind="stable")
    return found
