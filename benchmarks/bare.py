"""The job as bare arithmetic, without a rule of any exchange: what no engine can be faster than."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from benchmarks.job import CASH, COMMISSION, ENTER, LEAVE, LOT, POSITIONS, RESERVE, Job

_BUDGET = 1.0 + RESERVE


def arrays(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Return opens and closes, sessions × stocks."""
    frames = [job.market.bars[ticker] for ticker in job.market.tickers]
    opens, closes = (
        np.ascontiguousarray(np.stack([frame[name].to_numpy() for frame in frames], axis=1))
        for name in ("open", "close")
    )
    return opens, closes


def best_first(job: Job) -> np.ndarray:
    """Return the stocks of each session by falling score, the first of equals first."""
    return np.argsort(-job.scores, axis=1, kind="stable")


UNSORTED = np.empty((0, 0), dtype=np.int64)


@njit
def kernel(
    opens: Any, closes: Any, scores: Any, order: Any, enter: float, leave: float, slots: int
) -> float:
    """Return the final equity: floats, one commission, no records.

    `order` holds the stocks of each session by falling score; without rows they are sorted here.
    """
    sessions, stocks = opens.shape
    held, wanted = np.zeros(stocks), np.zeros(stocks)
    best = np.zeros(stocks, dtype=np.int64)
    cash, value, count = CASH, CASH, 0
    for number in range(sessions):
        for stock in range(stocks):
            if wanted[stock] < 0:
                cash += held[stock] * opens[number, stock] * (1.0 - COMMISSION)
                held[stock] = 0.0
        for stock in range(stocks):
            cost = wanted[stock] * opens[number, stock] * (1.0 + COMMISSION)
            if 0 < cost <= cash:
                cash -= cost
                held[stock] = wanted[stock]
        value, count = cash, 0
        for stock in range(stocks):
            value += held[stock] * closes[number, stock]
            wanted[stock] = 0.0
            count += held[stock] > 0
        if number + 1 == sessions:
            break
        coming, fresh = scores[number + 1], 0
        if len(order):
            for place in range(stocks - 1, -1, -1):
                stock = order[number + 1, place]
                if coming[stock] > leave:
                    break
                if held[stock] > 0:
                    wanted[stock] = -1.0
                    count -= 1
            for place in range(stocks):
                stock = order[number + 1, place]
                if coming[stock] < enter:
                    break
                if held[stock] == 0:
                    best[fresh] = stock
                    fresh += 1
        else:
            for stock in range(stocks):
                if held[stock] > 0:
                    if coming[stock] <= leave:
                        wanted[stock] = -1.0
                        count -= 1
                elif coming[stock] >= enter:
                    place = fresh
                    while place > 0 and coming[best[place - 1]] < coming[stock]:
                        best[place] = best[place - 1]
                        place -= 1
                    best[place] = stock
                    fresh += 1
        for place in range(min(fresh, slots - count)):
            stock = best[place]
            wanted[stock] = value / slots / _BUDGET / closes[number, stock] // LOT * LOT
    return value


def numpy_pass(job: Job) -> tuple[float, np.ndarray]:
    """Return the final equity and the shares traded, sessions × stocks, by rows of NumPy."""
    opens, closes = arrays(job)
    traded = np.zeros(opens.shape)
    held, cash, value = np.zeros(opens.shape[1]), CASH, CASH
    order, leaving = best_first(job), job.scores <= LEAVE
    counts = (job.scores >= ENTER).sum(axis=1)
    for number in range(len(opens)):
        if number:
            owned = held > 0
            trade = np.where(owned & leaving[number], -held, 0.0)
            fresh = order[number, : counts[number]]
            fresh = fresh[~owned[fresh]]
            free = POSITIONS - np.count_nonzero(owned) + np.count_nonzero(trade)
            fresh = fresh[:free]
            size = value / POSITIONS / _BUDGET / closes[number - 1, fresh] // LOT * LOT
            trade[fresh] = size
            paid = trade * opens[number]
            cash -= paid.sum() + COMMISSION * np.abs(paid).sum()
            held = held + trade
            traded[number] = trade
        value = cash + held @ closes[number]
    return float(value), traded
