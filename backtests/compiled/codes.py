"""Codes: the numbers that stand for words, and the columns of the kernel's tables; no numba."""

from __future__ import annotations

from backtests import orders as words
from strategies.sizing import NO_CLOSE, UNDER_ONE_LOT

# Codes of what the tables show as words; the kernel knows the numbers alone.
STATUSES = ("open", "filled", "partial", "rejected", "expired", "cancelled")
OPEN, FILLED, PARTIAL, REJECTED, EXPIRED, CANCELLED = range(6)
REASONS = (
    "",
    words.NO_TRADE,
    words.PARTICIPATION,
    words.CASH,
    words.LOTS,
    words.HOLDINGS,
    words.PROCEEDS,
    words.SPLIT_AWAY,
    words.RUN_ENDS,
    words.NO_BAR_YET,
    words.REPLACED,
    NO_CLOSE,
    UNDER_ONE_LOT,
    words.NOT_DESIGNATED,
    words.TICK_RULE,
    words.MARGIN,
    words.NOT_SHORT,
    words.OTHER_SIDE,
    words.BUY_IN,
)
(
    NONE,
    NO_TRADE,
    PARTICIPATION,
    CASH_SHORT,
    LOTS,
    HOLDINGS,
    PROCEEDS,
    SPLIT_AWAY,
    RUN_ENDS,
    NO_BAR_YET,
    REPLACED,
    NO_CLOSE_KNOWN,
    UNDER_LOT,
    NOT_DESIGNATED,
    TICK_RULE,
    MARGIN,
    NOT_SHORT,
    OTHER_SIDE,
    BUY_IN,
) = range(19)
KINDS = ("action", "payment", "delivery", "borrow")
ACTION, PAYMENT, DELIVERY, BORROWED = range(4)

# Columns of an order: side is 1 or -1, sessions are numbers of the run, signals rows of `Told`. The
# last two are written with shorts on alone: whether it is of the short side, and a buy-in.
(O_TICKER, O_SIDE, O_SHARES, O_SESSION, O_SIGNAL, O_STATUS, O_REASON) = range(7)
(O_CUT, O_REMAINING, O_FILLED, O_FILLED_AT, O_ID, O_SHORT, O_FORCED) = range(7, 14)
ORDER_WIDTH = 14
# Columns of a fill; its costs follow, in the order of `COST_COLUMNS`.
(F_ORDER, F_TRIP, F_SESSION, F_TICKER, F_SIDE, F_SHARES, F_UNITS, F_WORTH, F_SIGNAL, F_COSTS) = (
    range(10)
)
COMPONENTS = 8
FILL_WIDTH = F_COSTS + COMPONENTS
# Columns of a round trip; `T_EXITED` is -1 while it is open.
(T_TICKER, T_ENTERED, T_EXITED, T_SIGNAL, T_BOUGHT_SHARES) = range(5)
(T_BOUGHT, T_SOLD_SHARES, T_SOLD, T_INCOME, T_COST, T_SHORT) = range(5, 11)
TRIP_WIDTH = 11
# Columns of a corporate action that met a holding, and of what arrived of one later.
(A_SESSION, A_TICKER, A_TRIP, A_BEFORE, A_AFTER, A_DIVIDEND, A_FRACTION) = range(7)
(A_KIND, A_CASH, A_DUE, A_OTHER, A_OTHER_SHARES, A_OTHER_WORTH) = range(7, 13)
ACTION_WIDTH = 13
NEVER = -1  # no date
AT_ONCE = -(2**40)  # a date before all others
# Columns of a claim: cents (below 0: what a short owes), or shares that have a round trip of their
# own (`C_GIFT` is 1).
(C_TICKER, C_TRIP, C_DUE, C_CENTS, C_GIFT, C_SHARES) = range(6)
CLAIM_WIDTH = 6
# Columns of a day: cash and holdings at the close, and what moved, in cents; the last two are
# written with shorts on alone.
(D_CASH, D_HOLDINGS, D_COST, D_TURNOVER, D_INCOME, D_SHORT, D_BORROW) = range(7)
DAY_WIDTH = 7
# Columns of an action of the world. Cents of a share are whole + rest / unit: its dividend, and
# what is paid for the fraction of a share; `W_MARK` is the close on the new basis, -1 if none was
# known; then whose shares are given, how many for one, and their last known close.
(W_TICKER, W_ABOVE, W_BELOW, W_CASH, W_CASH_REST, W_CASH_UNIT) = range(6)
(W_SPARE, W_SPARE_REST, W_SPARE_UNIT, W_DUE, W_MARK) = range(6, 11)
(W_OTHER, W_OTHER_ABOVE, W_OTHER_BELOW, W_OTHER_CLOSE, W_DELIVERED) = range(11, 16)
WORLD_ACTION_WIDTH = 16
# Columns of a charge.
(G_RATE, G_AMOUNT, G_MINIMUM, G_MAXIMUM, G_DOLLAR_UP) = range(5)

# Cells of the state of a run. `OWED` is cash, `GIFTS` counts claims to shares; `WANTED` is how many
# targets a policy outside the kernel left in the room. `N_SOLD` counts tickers sold short, `DEBTS`
# is what they owe of `OWED`.
(CASH, COST, TURNOVER, INCOME, PENDING, SLOTS) = range(6)
(N_ORDERS, N_FILLS, N_TRIPS, N_CLOSED, N_WON, N_ACTIONS) = range(6, 12)
(FAIL, FAIL_SESSION, FAIL_TICKER, FAIL_SIDE, FAIL_UNITS, FAIL_SHARES) = range(12, 18)
(CLAIMS, OWED, GIFTS, N_BUSY, N_YOUNG, WAITED, WANTED) = range(18, 25)
(N_SOLD, DEBTS, BORROW) = range(25, 28)
STATE_WIDTH = 28

# Columns of a desk: what is kept of a ticker. `HEAD` is the latest signal that may stand, `UNTIL`
# when it expires, `WAY` its direction, `TRIP` the open round trip; TODAY counts only where
# TODAY_AT is the session decided for; `BUSY` tells that the ticker is in the list of those.
(SHARES, WAITING, HEAD, UNTIL, WAY, TODAY, TODAY_AT, TRIP, TAKEN, BEST, BUSY) = range(11)
DESK_WIDTH = 12

# Why a run stopped: the first five are what the other engine would refuse at the same place.
(FINE, BAD_LOT, BAD_PRICE, BAD_COST, BAD_TICKER, BAD_WIDTH, BAD_ROOM, BAD_DRAWS) = range(8)

# Strategies the kernel knows, and those whose targets it is told.
(EVENT_HOLD, TOP_RANKED, BUY_AND_HOLD, EQUAL_WEIGHT, RANDOM_ENTRIES, OWN) = range(6)

# Cells of a trial: whole numbers, then others.
(P_STRATEGY, P_COUNT, P_REBALANCE, P_HOLD, P_FOLLOWS, P_CASH) = range(6)
(P_TICKS, P_BP, P_WAIT, P_THRESHOLDS) = range(6, 10)
# Of shorts: parts of their worth as whole + rest / unit, three cells each.
(P_MARGIN, P_MAINTENANCE, P_NIGHTLY) = range(10, 19, 3)
INTS_WIDTH = 19
(Q_WEIGHT, Q_RESERVED, Q_PARTICIPATION, Q_ABOVE, Q_BELOW) = range(5)
(Q_BP, Q_IMPACT) = range(5, 7)
FLOATS_WIDTH = 7

# Larger amounts of cents would not fit a float's 53 bits, larger products not the kernel's 64.
WIDEST = 2**52
SAFE = 2**62
