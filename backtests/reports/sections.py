"""What a report says, as tables: in which order, and those of money, risk and trading."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from backtests.metrics.breakdowns import NOTHING_NEW
from backtests.metrics.verdict import decimal, named, percent
from backtests.reports.formats import basis_points, day, interval_95, money, share, whole
from backtests.reports.learned import drift, predictions
from backtests.reports.table import Cells, Table
from backtests.view import RunView


def tables_of(view: RunView) -> tuple[Table, ...]:
    """Return the tables of a report in their order; those without a row are left out."""
    metrics = view.metrics
    made = (
        performance(metrics),
        risk(metrics),
        costs(metrics),
        trading(metrics),
        predictions(metrics),
        drift(view),
        by_year(metrics),
        by_side(metrics),
        by_ticker(metrics),
        by_event_kind(metrics),
        checks(view),
        rejections(view),
    )
    return tuple(table for table in made if table.rows)


def performance(metrics: Mapping[str, Any]) -> Table:
    """Return the strategy beside the benchmark and the baselines."""
    own = {**metrics["performance"], **metrics["risk"]}
    rows = [_path_row("strategy, net", own)]
    if own["gross_total_return"] is not None:
        rows.append(("strategy, gross", percent(own["gross_total_return"]), *[""] * 7))
    if metrics["benchmark"]:
        rows.append(_path_row("benchmark", metrics["benchmark"]))
    rows += [_path_row(named(name), other) for name, other in metrics["baselines"].items()]
    span = metrics["span"]
    return Table(
        "performance",
        "Performance",
        ("<", "Return", "CAGR", "Vol.", "Sharpe", "Max DD", "Beta", "Alpha", "t"),
        tuple(rows) if span["sessions"] else (),
        f"{span['first_session']} to {span['last_session']}, {span['sessions']} sessions,"
        f" capital {money(span['capital_hkd'])}. Alpha (a year), beta and t: the strategy's against"
        " that row.",
    )


def risk(metrics: Mapping[str, Any]) -> Table:
    """Return the strategy's own risk figures."""
    own, span = metrics["risk"], metrics["span"]
    fall = own["max_drawdown_peak_session"]
    back = own["max_drawdown_recovery_session"]
    after = f"recovered {back}" if back else "not recovered"
    rows = [
        ("Sharpe ratio", decimal(own["sharpe"]), interval_95(own["sharpe_interval_95"])),
        ("Sharpe, autocorrelation (Lo)", decimal(own["sharpe_lo"]), ""),
        ("Sortino ratio", decimal(own["sortino"]), ""),
        ("Volatility a year", percent(own["volatility"]).lstrip("+"), ""),
        (
            "Maximum drawdown",
            percent(own["max_drawdown"]),
            f"{fall} to {own['max_drawdown_trough_session']}, {after}" if fall else "",
        ),
        ("Longest under water", f"{own['longest_under_water_sessions']} sessions", ""),
        ("t of the mean return", decimal(metrics["performance"]["mean_return_t"], sign=True), ""),
    ]
    return Table(
        "risk",
        "Risk",
        ("<", "Value", "<Detail"),
        tuple(rows) if span["sessions"] else (),
        f"{span['sessions_per_year']} sessions a year; over a risk-free rate of"
        f" {percent(span['risk_free']).lstrip('+')}.",
    )


def costs(metrics: Mapping[str, Any]) -> Table:
    """Return what was paid, by component."""
    own = metrics["costs"]
    traded = metrics["trading"]["traded_hkd"]
    rows = [
        (named(name), whole(value), basis_points(value, traded))
        for name, value in own["by_component_hkd"].items()
        if value
    ]
    rows.append(("all costs", whole(own["total_hkd"]), basis_points(own["total_hkd"], traded)))
    rows.append(("break-even", "", decimal(own["break_even_bp"], 1)))
    return Table(
        "costs",
        "Costs",
        ("<", "HKD", "bp a side"),
        tuple(rows) if traded else (),
        "At the break-even cost a side nothing would have been earned or lost.",
    )


def trading(metrics: Mapping[str, Any]) -> Table:
    """Return how much was traded and how it went."""
    own = metrics["trading"]
    statuses = ", ".join(f"{count} {status}" for status, count in own["orders_by_status"].items())
    shorts = f", {whole(own['short_trades'])} short" if own["short_trades"] else ""
    gross = f"gross {share(own['gross_exposure'])}, " if shorts else ""
    rows = [
        ("Orders", whole(own["orders"]), statuses),
        ("Trades", whole(own["trades"]), f"{own['open_trades']} still open{shorts}"),
        ("Hit rate, net", share(own["hit_rate"]), f"gross {share(own['gross_hit_rate'])}"),
        ("Profit factor", decimal(own["profit_factor"]), "gains over losses, net"),
        (
            "Net return a trade",
            percent(own["mean_net_return"], 2),
            f"median {percent(own['median_net_return'], 2)}",
        ),
        ("Sessions held", decimal(own["mean_sessions_held"], 1), ""),
        ("Turnover a year", decimal(own["turnover"], 1), "one-way, times the capital"),
        (
            "Exposure",
            share(own["exposure"]),
            f"{gross}invested in {share(own['time_in_market'])} of sessions",
        ),
    ]
    return Table(
        "trading", "Trading", ("<", "Value", "<Detail"), tuple(rows) if own["orders"] else ()
    )


def by_year(metrics: Mapping[str, Any]) -> Table:
    """Return the result by calendar year."""
    rows = [
        (
            str(row["year"]),
            whole(row["sessions"]),
            percent(row["total_return"]),
            percent(row["benchmark_total_return"]),
            decimal(row["sharpe"]),
            percent(row["max_drawdown"]),
            whole(row["cost_hkd"]),
        )
        for row in metrics["by_year"]
    ]
    columns = ("<Year", "Sessions", "Net", "Bench.", "Sharpe", "Max DD", "Cost HKD")
    return Table("by-year", "By year", columns, tuple(rows))


def by_side(metrics: Mapping[str, Any]) -> Table:
    """Return the trades that were bought and those that were sold short, apart."""
    rows = metrics.get("by_side", ())
    return _trades_by(rows, "side", "By side", "Gross, cost and net in HKD; borrow is a cost.")


def by_ticker(metrics: Mapping[str, Any]) -> Table:
    """Return the trades by ticker, best first."""
    return _trades_by(metrics["by_ticker"], "ticker", "By ticker", "Gross, cost and net in HKD.")


def by_event_kind(metrics: Mapping[str, Any]) -> Table:
    """Return the trades by the kinds of event they stood on, best first."""
    note = (
        "Gross, cost and net in HKD. A trade counts in equal parts for the kinds of new events it "
        f"stood on; {NOTHING_NEW} had only reports of moves, repeats, denials or history."
    )
    rows = [{**row, "kind": named(row["kind"])} for row in metrics["by_event_kind"]]
    return _trades_by(rows, "kind", "By event kind", note)


def checks(view: RunView) -> Table:
    """Return what was checked, the worst first."""
    worst = {"error": 0, "warning": 1, "note": 2, "ok": 3}
    found = sorted(view.checks, key=lambda check: worst.get(check["level"], 0))
    rows = tuple((check["level"], check["name"], check["message"]) for check in found)
    return Table("checks", "Checks and warnings", ("<Level", "<Check", "<Finding"), rows)


def rejections(view: RunView, shown: int = 20) -> Table:
    """Return the first input rows that could not be used; the note counts them all."""
    rows = [
        (row["where"], row["problem"], row["given"][:80], row["wanted"])
        for row in view.rejections[:shown]
    ]
    more = len(view.rejections) - len(rows)
    return Table(
        "rejected",
        f"Rejected rows ({len(view.rejections):,})",
        ("<Where", "<Problem", "<Given", "<Wanted"),
        tuple(rows),
        f"{more:,} more stand in rejections.json." if more else "",
    )


def trades(view: RunView, shown: int) -> Table:
    """Return the last `shown` trades; shares sold short are negative."""
    table = view.trades.tail(shown)
    rows = [
        (
            str(row["trade_id"]),
            str(row["ticker"]),
            day(row["entry_session"]),
            day(row["exit_session"]) if not row["is_open"] else "open",
            whole(row["shares"] if row["side"] == "long" else -row["shares"]),
            *map(decimal, _bought_and_sold(row)),
            whole(row["gross_pnl_hkd"], sign=True),
            whole(row["cost_hkd"]),
            whole(row["net_pnl_hkd"], sign=True),
            percent(row["net_return"], 2),
        )
        for row in table.to_dict("records")
    ]
    prices = ("No.", "<Ticker", "<Entry", "<Exit", "Shares", "Bought", "Sold")
    columns = (*prices, "Gross HKD", "Cost HKD", "Net HKD", "Net")
    left = len(view.trades) - len(rows)
    return Table(
        "trades", "Trades", columns, tuple(rows), f"{left:,} earlier: trades.csv." if left else ""
    )


def _bought_and_sold(trade: Mapping[Hashable, Any]) -> tuple[float, float]:
    """Return the mean prices of purchases and sales; a short is sold first."""
    prices = trade["entry_price_hkd"], trade["exit_price_hkd"]
    return prices if trade["side"] == "long" else prices[::-1]


def _trades_by(rows: Sequence[Mapping[str, Any]], key: str, title: str, note: str) -> Table:
    cells = [
        (
            str(row[key]),
            decimal(row["trades"], 0 if float(row["trades"]).is_integer() else 1),
            share(row["hit_rate"]),
            whole(row["gross_pnl_hkd"], sign=True),
            whole(row["cost_hkd"]),
            whole(row["net_pnl_hkd"], sign=True),
            percent(row["mean_net_return"], 2),
        )
        for row in rows
    ]
    columns = (f"<{key.capitalize()}", "Trades", "Hits", "Gross", "Cost", "Net", "Mean net")
    return Table(f"by-{key}", title, columns, tuple(cells), note)


def _path_row(name: str, own: Mapping[str, Any]) -> Cells:
    return (
        name,
        percent(own["total_return"]),
        percent(own["cagr"]),
        percent(own["volatility"]).lstrip("+"),
        decimal(own["sharpe"]),
        percent(own["max_drawdown"]),
        decimal(own["beta"]) if "beta" in own else "",
        percent(own["alpha"]) if "alpha" in own else "",
        decimal(own["alpha_t"], sign=True) if "alpha_t" in own else "",
    )
