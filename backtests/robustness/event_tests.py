"""Tests of abnormal returns around events: naive ones, and ones that survive clustered days.

All take one abnormal return an event over the tested window, float64 (n,), or what it is made of.
Event days cluster: one news day moves many stocks at once, and one stock has news on many days. A
test that counts such events as independent is several times too sure.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backtests.metrics.predictions import average_ranks
from backtests.metrics.undefined import Floats, need


@dataclass(frozen=True, slots=True)
class Significance:
    """One test.

    Attributes
    ----------
    statistic : float
        t or z.
    p : float
        Two-sided.
    """

    statistic: float
    p: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-ready."""
        return asdict(self)


def naive_t(cars: npt.ArrayLike) -> Significance:
    """Return the cross-sectional t: ``mean / (std / sqrt(n))``, as if events were independent.

    Source: Brown and Warner, J. of Financial Economics 8(3), 1980.
    """
    values = np.asarray(cars, dtype=np.float64)
    return _student(_mean_t(values), len(values) - 1)


def clustered_t(cars: npt.ArrayLike, session: npt.ArrayLike, window: int) -> Significance:
    """Return the t of the mean with errors clustered by session and across overlapping windows.

    Sums of deviations by session, with Bartlett weights up to `window` - 1 sessions apart:
    ``sqrt(sum_k w_k * sum_g u_g * u_{g+k}) / n``. Source: Driscoll and Kraay, Review of Economics
    and Statistics 80(4), 1998, of a constant; no small-sample factor; p from a t with as many
    degrees as sessions with events, less one.

    Parameters
    ----------
    session : array of int, shape (n,)
        Number of the event's session in the calendar.
    window : int
        Sessions the returns span.
    """
    values = np.asarray(cars, dtype=np.float64)
    place = np.asarray(session, dtype=np.int64)
    need(len(values) > 1, "fewer than 2 events")
    groups = len(np.unique(place))
    need(groups > 1, "all events lie in one session")
    centered = values - values.mean()
    sums = np.bincount(place - place.min(), weights=centered)
    variance = float(sums @ sums)
    for k in range(1, min(window, len(sums))):
        variance += 2.0 * (1.0 - k / window) * float(sums[k:] @ sums[:-k])
    need(variance > 1e-24 * float(values @ values), "abnormal returns do not vary")
    return _student(float(values.mean()) * len(values) / math.sqrt(variance), groups - 1)


def patell_z(scars: npt.ArrayLike, estimated_on: npt.ArrayLike) -> Significance:
    """Return Patell's z of standardized abnormal returns.

    ``sum(SCAR) / sqrt(sum((m - 2) / (m - 4)))`` with m sessions behind each event's market model.
    Source: Patell, J. of Accounting Research 14(2), 1976.
    """
    values = np.asarray(scars, dtype=np.float64)
    m = np.asarray(estimated_on, dtype=np.float64)
    need(len(values) > 0 and bool((m > 4).all()), "fewer than 5 sessions behind a market model")
    z = float(values.sum() / math.sqrt(float(((m - 2.0) / (m - 4.0)).sum())))
    return Significance(z, math.erfc(abs(z) / math.sqrt(2.0)))


def bmp_t(scars: npt.ArrayLike) -> Significance:
    """Return the standardized cross-sectional t: the naive t of standardized returns.

    Robust to a variance that the event itself raises. Source: Boehmer, Musumeci and Poulsen, J. of
    Financial Economics 30(2), 1991.
    """
    values = np.asarray(scars, dtype=np.float64)
    return _student(_mean_t(values), len(values) - 1)


def kolari_pynnonen_t(scars: npt.ArrayLike, correlation: float) -> Significance:
    """Return BMP's t, corrected for correlated events.

    ``BMP * sqrt((1 - r) / (1 + (n - 1) * r))`` with r the mean correlation of all pairs of events.
    Source: Kolari and Pynnönen, Review of Financial Studies 23(11), 2010.

    Parameters
    ----------
    correlation : float
        Mean over all pairs, [0, 1); pairs that do not overlap in time count as 0.
    """
    values = np.asarray(scars, dtype=np.float64)
    need(0.0 <= correlation < 1.0, "the mean correlation of events lies outside [0, 1)")
    n = len(values)
    shrink = math.sqrt((1.0 - correlation) / (1.0 + (n - 1) * correlation))
    return _student(_mean_t(values) * shrink, n - 1)


def grank_t(standardized: npt.ArrayLike, scars: npt.ArrayLike) -> Significance:
    """Return the generalized rank t of a cumulative abnormal return.

    The window counts as one more session beside the estimation sessions; each event's values are
    ranked over all of them, ranks are centered and scaled to ``rank / (m + 1) - 1/2``, and their
    mean over events is compared with how it varies over the sessions:
    ``t = Z * sqrt((T - 2) / (T - 1 - Z**2))``, Z = mean rank of the window / its deviation. Source:
    Kolari and Pynnönen, J. of Empirical Finance 18(5), 2011.

    Parameters
    ----------
    standardized : array of float, shape (n, m)
        Standardized abnormal returns of the estimation sessions; NaN where there is none.
    scars : array of float, shape (n,)
        Standardized cumulative abnormal returns of the window.
    """
    values = np.asarray(scars, dtype=np.float64)
    need(len(values) > 1, "fewer than 2 events")
    deviation = float(values.std(ddof=1))
    need(deviation > 0, "abnormal returns do not vary")
    # The event's own variance is taken out, as BMP do.
    together = np.column_stack([np.asarray(standardized, dtype=np.float64), values / deviation])
    mean, share = _mean_ranks(together)
    count = len(mean)
    spread = math.sqrt(float((share * mean**2).mean()))
    need(spread > 0 and count > 3, "ranks do not vary")
    z = float(mean[-1]) / spread
    left = count - 1.0 - z**2
    need(left > 0, "the window's rank is the only one that varies")
    return _student(z * math.sqrt((count - 2.0) / left), count - 2)


def rank_z(standardized: npt.ArrayLike, window: npt.ArrayLike) -> Significance:
    """Return Corrado's rank z, over a window of sessions.

    ``sum of mean ranks over the window / (sqrt(sessions of the window) * deviation of the mean rank
    over all sessions)``, ranks centered and scaled to ``rank / (m + 1) - 1/2``. Source: Corrado, J.
    of Financial Economics 23(2), 1989; Corrado and Zivney, J. of Financial and Quantitative
    Analysis 27(3), 1992.

    Parameters
    ----------
    standardized : array of float, shape (n, m)
        Abnormal returns of the estimation sessions; NaN where there is none.
    window : array of float, shape (n, k)
        Abnormal returns of the window's sessions.
    """
    before, inside = np.asarray(standardized), np.asarray(window)
    mean, share = _mean_ranks(np.column_stack([before, inside]).astype(np.float64))
    spread = math.sqrt(float((share * mean**2).mean()))
    need(spread > 0, "ranks do not vary")
    tested = mean[before.shape[1] :]
    z = float(tested.sum()) / (math.sqrt(len(tested)) * spread)
    return Significance(z, math.erfc(abs(z) / math.sqrt(2.0)))


def pair_correlation(
    residuals: npt.ArrayLike,
    started: npt.ArrayLike,
    session: npt.ArrayLike,
    window: int,
) -> float:
    """Return the mean correlation of the returns of all pairs of events, from their residuals.

    The residuals of two events' estimation sessions are set side by side by calendar session; their
    correlation counts by the share of the window that both events have in common, 0 if none. With
    one event day for all it is the mean that Kolari and Pynnönen use; two events of one stock on
    neighboring days count almost fully. A negative mean counts as 0: it would raise the t.

    Parameters
    ----------
    residuals : array of float, shape (n, m)
        Of the market model, NaN where there is none.
    started : array of int, shape (n,)
        Calendar number of the first estimation session of each event.
    session : array of int, shape (n,)
        Calendar number of the first session of each event's window.
    window : int
        Sessions the window spans.
    """
    values = np.asarray(residuals, dtype=np.float64)
    first = np.asarray(started, dtype=np.int64)
    place = np.asarray(session, dtype=np.int64)
    n, m = values.shape
    need(n > 1, "fewer than 2 events")
    # Events of one session and one estimation window are alike: a block of pairs is a product.
    days, member = np.unique(np.column_stack([place, first]), axis=0, return_inverse=True)
    groups = [values[member == day] for day in range(len(days))]
    total = 0.0
    for at, left in enumerate(groups):
        for to in range(at, len(groups)):
            apart, shift = (days[to] - days[at]).tolist()
            if apart >= window:
                break
            if abs(shift) >= m - 2:
                continue
            one = left[:, max(shift, 0) : m + min(shift, 0)]
            other = groups[to][:, max(-shift, 0) : m + min(-shift, 0)]
            pairs = _correlations(one, other)
            block = float(np.triu(pairs, 1).sum() if to == at else pairs.sum())
            total += block * (1.0 - apart / window)
    return float(min(max(2.0 * total / (n * (n - 1)), 0.0), 1.0 - 1e-9))


def _correlations(left: Floats, right: Floats) -> Floats:
    """Return the correlation of each row of one with each of the other, over what both have.

    0 for pairs with fewer than three values in common, or without variance.
    """
    here, there = np.isfinite(left), np.isfinite(right)
    one, other = np.where(here, left, 0.0), np.where(there, right, 0.0)
    has, had = here.astype(np.float64), there.astype(np.float64)
    count = has @ had.T
    sum_one, sum_other = one @ had.T, has @ other.T
    counted = np.maximum(count, 1.0)
    shared = one @ other.T - sum_one * sum_other / counted
    power = (one**2 @ had.T - sum_one**2 / counted) * (has @ (other**2).T - sum_other**2 / counted)
    usable = (count >= 3) & (power > 0)
    return np.where(usable, shared / np.sqrt(np.where(usable, power, 1.0)), 0.0)


def _mean_ranks(values: Floats) -> tuple[Floats, Floats]:
    """Return the mean centered rank of each column, and the share of rows that have a value."""
    ranks = np.full(values.shape, np.nan)
    for row in range(len(values)):
        known = np.isfinite(values[row])
        count = int(known.sum())
        ranks[row, known] = average_ranks(values[row, known]) / (count + 1) - 0.5
    present = np.isfinite(ranks)
    n = present.sum(axis=0)
    mean = np.where(present, ranks, 0.0).sum(axis=0) / np.maximum(n, 1)
    return mean, n / len(values)


def _mean_t(values: Floats) -> float:
    need(len(values) > 1, "fewer than 2 events")
    deviation = float(values.std(ddof=1))
    need(deviation > 1e-12 * float(np.abs(values).max()), "abnormal returns do not vary")
    return float(values.mean()) / deviation * float(np.sqrt(len(values)))


def _student(t: float, degrees: int) -> Significance:
    # Imported here: this module is on the path of commands that need no scipy.
    from scipy.special import stdtr

    return Significance(t, float(2.0 * stdtr(degrees, -abs(t))))
