"""SessionFeed: bars loaded straight into backtrader's line buffers, the future out of reach."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import backtrader as bt
import numpy as np
import numpy.typing as npt

# backtrader counts days from 0001-01-01 as 1, as matplotlib once did.
_BACKTRADER_DAY_OF_1970 = 719_163


class SessionFeed(bt.feed.DataBase):
    """Daily bars of one ticker at naive exchange dates.

    backtrader's own pandas feed copies row by row, and a time zone moves its bars by a day. Here
    the arrays become the line buffers at once. A session without a bar has no bar: the feed does
    not advance, `close[0]` is the last known close and `datetime[0]` says of when.

    A preloaded line answers a negative index that reaches before the first bar with values from its
    end, which lie in the future. So each line is followed by as many NaN as it has bars: whoever
    asks for a bar before the first gets NaN.

    Parameters
    ----------
    days : ndarray of int64
        Session dates in days since 1970, ascending.
    columns : mapping of str to ndarray of float64
        `open, high, low, close, volume`, as long as `days`.
    """

    params = (("days", None), ("columns", None), ("plot", False))

    def preload(self) -> None:
        """Fill the line buffers."""
        days: npt.NDArray[np.int64] = self.p.days
        columns: Mapping[str, npt.NDArray[np.float64]] = self.p.columns
        count = len(days)
        nothing = np.full(count, np.nan)
        values = {**columns, "datetime": (days + _BACKTRADER_DAY_OF_1970).astype(np.float64)}
        for name in self.getlinealiases():
            line = getattr(self.lines, name)
            both = np.concatenate([values.get(name, nothing), nothing])
            line.array = array("d", both.tobytes())
            line.extension = count
        self.home()

    def step(self, bars: int = 1) -> None:
        """Go on by some bars; leaner than `advance`, which also keeps unused tick fields."""
        for line in self.lines.lines:
            # Past the `idx` property, whose checks concern a buffer mode that is never set here.
            line._idx += bars
            line.lencount += bars


def hide_future(iterator: bt.LineIterator) -> None:
    """Follow every computed indicator line by NaN, as `SessionFeed` does with its own lines."""
    for indicator in iterator.getindicators():
        for line in indicator.lines:
            line.extend(size=line.buflen())
        hide_future(indicator)
