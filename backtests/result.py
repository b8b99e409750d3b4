"""BacktestResult: everything a finished run decided, did, paid and found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

COST_COLUMNS = (
    "stamp_duty_hkd",
    "sfc_levy_hkd",
    "afrc_levy_hkd",
    "trading_fee_hkd",
    "trading_tariff_hkd",
    "settlement_fee_hkd",
    "commission_hkd",
    "platform_fee_hkd",
)
ORDER_COLUMNS = (
    "order_id",  # int64, 1-based, in order of creation
    "ticker",
    "side",  # buy | sell
    "short",  # whether it opens or covers a short; the exchange wants short sales flagged
    "shares",  # int64, wanted
    "decided_session",  # last session whose close was known
    "effective_session",  # session whose open it was meant for
    "status",  # filled | partial | rejected | expired | cancelled | open
    "reason",  # empty when filled, unless the broker made it itself
    "filled_shares",
    "filled_session",  # NaT if never
    "signal_id",  # empty for baselines
)
FILL_COLUMNS = (
    "fill_id",
    "order_id",
    "trade_id",
    "session",
    "ticker",
    "side",
    "shares",
    "price_hkd",
    "consideration_hkd",
    *COST_COLUMNS,
    "cost_hkd",  # sum of the components
    "signal_id",
)
TRADE_COLUMNS = (
    "trade_id",  # int64, 1-based, in order of entry
    "ticker",
    "side",  # long | short
    "entry_session",
    "exit_session",  # NaT while open; an open trade is valued at the last close
    "shares",
    "entry_price_hkd",
    "exit_price_hkd",
    "sessions_held",
    "gross_pnl_hkd",  # dividends included
    "cost_hkd",  # contract notes, and the borrow of a short
    "net_pnl_hkd",
    "net_return",  # net_pnl over entry consideration, which for a short is what it sold for
    "signal_id",  # of the entry
    "is_open",
)
EQUITY_COLUMNS = (
    "equity_hkd",  # cash + holdings at the close
    "cash_hkd",
    "holdings_hkd",  # with dividends and shares in specie that are owed; shorts count negative
    "short_hkd",  # of that, what is sold short: negative, or 0
    "cost_hkd",  # paid in this session
    "borrow_hkd",  # of that, for stock borrowed since the session before
    "turnover_hkd",  # bought + sold in this session
    "income_hkd",  # dividends of this session's ex dates, and fractions of a share
    "benchmark",  # benchmark equity, same start value; NaN where there is none
)
ACTION_COLUMNS = (
    "session",  # first session on or after the ex date
    "ticker",
    "trade_id",
    "shares_before",
    "shares_after",
    "dividend_hkd",  # entitled to
    "fraction_hkd",  # paid out for a fraction of a share
    # action | payment | delivery | borrow: what a holding was entitled to, what arrived later, what
    # the borrow of a short cost. Amounts that a short owes are negative.
    "kind",
    "cash_hkd",  # arrived in this session
    "in_specie_ticker",  # shares of another company received or owed; empty where there are none
    "in_specie_shares",
    "in_specie_hkd",  # their worth at the last close known at the open
    "due_date",  # when dividend or shares arrive; NaT if at once
)


@dataclass(frozen=True, eq=False)
class EngineResult:
    """What an engine did with signals.

    Attributes
    ----------
    orders, fills, trades : DataFrame
        One row each; columns `ORDER_COLUMNS`, `FILL_COLUMNS`, `TRADE_COLUMNS`.
    equity : DataFrame
        Indexed by `session` (naive exchange dates), columns `EQUITY_COLUMNS`.
    holdings : DataFrame
        Shares at the close, sessions × tickers, int64; negative where sold short.
    actions : DataFrame
        Corporate actions that met a holding, later payments and deliveries; `ACTION_COLUMNS`.

    Notes
    -----
    A trade is a position from flat to flat: every fill belongs to exactly one. Its shares are those
    bought (of a short: sold) over its life, as counted then; its prices are means over all its
    purchases and all its sales. Ids and shares are int64, sessions naive ``datetime64[s]`` dates,
    HKD float64 of exact cents (prices: of 0.0001), words `str`.
    """

    orders: pd.DataFrame
    fills: pd.DataFrame
    trades: pd.DataFrame
    equity: pd.DataFrame
    holdings: pd.DataFrame
    actions: pd.DataFrame


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """A finished run, in memory as in its folder.

    Attributes
    ----------
    config : mapping
        The resolved config.
    signals : DataFrame
        One row a signal, columns the fields of `signals.decisions.Signal`.
    predictions : DataFrame
        Indexed (`decision_at`, `ticker`): `session, fold, probability, target, forward_return,
        t0, t1` and one `probability_<baseline>` column for each baseline classifier.
    engine : EngineResult
        Orders, fills, trades, equity of the chosen strategy.
    baselines : mapping of str to EngineResult
        The same market under the baseline strategies.
    metrics : mapping
        Nested, JSON-ready; see `backtests.metrics`.
    checks : tuple of mapping
        What was checked and what should be known: `name, level (ok|note|warning|error), message`.
    provenance : mapping
        Hashes, versions, revision, seed, clocks.
    """

    config: Mapping[str, Any]
    signals: pd.DataFrame
    predictions: pd.DataFrame
    engine: EngineResult
    baselines: Mapping[str, EngineResult] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Mapping[str, str], ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
