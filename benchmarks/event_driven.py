"""The job on engines that call a strategy bar by bar: backtrader, its fork, pybroker, qlib."""

from __future__ import annotations

import importlib
from array import array
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.bare import arrays
from benchmarks.job import CASH, COMMISSION, LOT, Job

Fill = tuple[Any, str, int, float]


def plain_backtrader(
    job: Job,
    module: str = "backtrader",
    *,
    preloaded: bool = False,
    fills: list[Fill] | None = None,
) -> float:
    """Run the job as backtrader's own documentation would; return the final equity.

    Parameters
    ----------
    job : Job
        The job.
    module : str
        backtrader, or a fork of the same names.
    preloaded : bool
        Whether bars are laid straight into the line buffers, and nothing is observed.
    fills : list, optional
        Takes session, ticker, shares (sales negative) and price of each fill.
    """
    bt: Any = importlib.import_module(module)

    class Scores(bt.Strategy):  # type: ignore[misc]
        def next(self) -> None:
            held = [self.getposition(data).size for data in self.datas]
            closes = [data.close[0] for data in self.datas]
            # len(self) is the row of the next open.
            for stock, shares in job.decide(len(self), held, closes, self.broker.getvalue()):
                if shares < 0:
                    self.close(self.datas[stock])
                else:
                    self.buy(self.datas[stock], size=shares)

    class Told(Scores):
        def notify_order(self, order: Any) -> None:
            if fills is not None and order.status == order.Completed:
                done = order.executed
                day = bt.num2date(done.dt).date()
                fills.append((day, order.data._name, int(done.size), done.price))

    cerebro = bt.Cerebro(stdstats=not preloaded)
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(COMMISSION)
    given = "dataname" if module == "backtrader" else "dataframe"
    for ticker, frame in job.market.bars.items():
        feed = _preloaded(bt, frame) if preloaded else bt.feeds.PandasData(**{given: frame})
        cerebro.adddata(feed, name=ticker)
    cerebro.addstrategy(Scores if fills is None else Told)
    cerebro.run()
    return float(cerebro.broker.getvalue())


def _preloaded(bt: Any, frame: pd.DataFrame) -> Any:
    """Return a feed whose line buffers are the columns of a frame."""

    class Arrays(bt.feed.DataBase):  # type: ignore[misc]
        def preload(self) -> None:
            columns = {name: frame[name].to_numpy() for name in frame}
            columns["datetime"] = np.array([bt.date2num(day) for day in frame.index])
            for name in self.getlinealiases():
                values = columns.get(name, np.full(len(frame), np.nan))
                line = getattr(self.lines, name)
                line.array = array("d", np.ascontiguousarray(values, dtype=float).tobytes())
            self.home()

    return Arrays()


def pybroker(job: Job) -> float:
    """Run the job on pybroker: decided after all stocks of a bar, filled at the next open."""
    import pybroker as pb

    places = {ticker: place for place, ticker in enumerate(job.market.tickers)}
    rows = {np.datetime64(day, "D"): row for row, day in enumerate(job.sessions)}
    frames = [
        bars.rename_axis("date").reset_index().assign(symbol=ticker)
        for ticker, bars in job.market.bars.items()
    ]

    def decide(contexts: Mapping[str, Any]) -> None:
        ordered = [contexts[ticker] for ticker in places]
        positions = [context.long_pos() for context in ordered]
        held = [float(position.shares) if position else 0.0 for position in positions]
        closes = [context.close[-1] for context in ordered]
        row = rows[np.datetime64(ordered[0].dt, "D")] + 1
        for stock, shares in job.decide(row, held, closes, float(ordered[0].total_equity)):
            context = ordered[stock]
            if shares < 0:
                context.sell_fill_price = pb.PriceType.OPEN
                context.sell_all_shares()
            else:
                context.buy_fill_price = pb.PriceType.OPEN
                context.buy_shares = shares

    config = pb.StrategyConfig(
        initial_cash=CASH, fee_mode=pb.FeeMode.ORDER_PERCENT, fee_amount=100 * COMMISSION
    )
    pb.disable_logging()
    pb.disable_progress_bar()
    first, last = (pd.Timestamp(job.sessions[place]) for place in (0, -1))
    strategy = pb.Strategy(pd.concat(frames), first, last, config)
    strategy.add_execution(lambda context: None, list(places))
    strategy.set_after_exec(decide)
    result = strategy.backtest(calc_bootstrap=False)
    return float(result.portfolio["equity"].iloc[-1])


def qlib_engine(job: Job) -> Callable[[], float]:
    """Return the job on qlib's daily simulator, its quotes given as a frame."""
    import qlib
    from qlib.backtest.account import Account
    from qlib.backtest.backtest import backtest_loop
    from qlib.backtest.decision import Order, TradeDecisionWO
    from qlib.backtest.exchange import Exchange
    from qlib.backtest.executor import SimulatorExecutor
    from qlib.backtest.utils import CommonInfrastructure
    from qlib.strategy.base import BaseStrategy

    days, tickers = pd.DatetimeIndex(job.sessions), list(job.market.tickers)
    closes, sides = arrays(job)[1].tolist(), (Order.SELL, Order.BUY)

    class Quotes(Exchange):  # type: ignore[misc]
        def get_quote_from_qlib(self) -> None:
            columns = {"$open": "open", "$close": "close", "$volume": "volume"}
            quotes = pd.concat(job.market.bars, names=["instrument", "datetime"])
            quotes = pd.DataFrame({name: quotes[own] for name, own in columns.items()})
            quotes = quotes.assign(**{"$factor": 1.0, "$change": 0.0})
            self.quote_df = quotes.assign(limit_buy=False, limit_sell=False)
            self.trade_w_adj_price = False

    class Scores(BaseStrategy):  # type: ignore[misc]
        def generate_trade_decision(self, execute_result: Any = None) -> TradeDecisionWO:
            row, position = self.trade_calendar.get_trade_step(), self.trade_position
            amounts = position.get_stock_amount_dict()
            # It keeps what is worth so much at a price: 899.9999999999999 shares.
            held = [round(amounts.get(ticker, 0.0)) for ticker in tickers]
            start, end = self.trade_calendar.get_step_time(row)
            value = position.calculate_value()
            wanted = job.decide(row, held, closes[row - 1], value) if row else []
            orders = [
                Order(tickers[stock], abs(shares), sides[shares > 0], start, end)
                for stock, shares in wanted
            ]
            return TradeDecisionWO(orders, self)

    def initialized(folder: str) -> float:
        calendars = Path(folder) / "calendars"
        calendars.mkdir()
        after = days.append(days[-1:] + pd.offsets.BDay())
        (calendars / "day.txt").write_text("\n".join(after.strftime("%Y-%m-%d")))
        qlib.init(provider_uri=folder, logging_level="ERROR", limit_threshold=None)
        exchange = Quotes(
            start_time=days[0],
            end_time=days[-1],
            codes=tickers,
            deal_price="$open",
            open_cost=COMMISSION,
            close_cost=COMMISSION,
            min_cost=0.0,
            trade_unit=LOT,
        )
        account = Account(init_cash=CASH, benchmark_config={"benchmark": None})
        common = CommonInfrastructure(trade_account=account, trade_exchange=exchange)
        executor = SimulatorExecutor("day", common_infra=common)
        strategy = Scores(common_infra=common)
        with redirect_stderr(StringIO()):  # its progress bar
            backtest_loop(days[0], days[-1], strategy, executor)
        return float(account.current_position.calculate_value())

    def simulate() -> float:
        with TemporaryDirectory() as folder:
            return initialized(folder)

    return simulate
