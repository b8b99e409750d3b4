"""What a report says, as plain tables of text: the same for a terminal, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from backtests.metrics.breakdowns import NOTHING_NEW
from backtests.metrics.verdict import decimal, named, percent
from backtests.view import RunView

Cells = tuple[str, ...]

_PSI = "psi_"
_PSI_ANSWERS = "psi_probability"


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a report.

    Attributes
    ----------
    key : str
        Stable name, an HTML anchor.
    title : str
        Heading.
    columns : tuple of str
        Headings; one that starts with ``<`` is of text and stands left; the sign is not shown.
    rows : tuple of tuple of str
        Cells as they are shown. Foreign text in them is *not* escaped: that is each format's part.
    note : str
        A sentence below, may be empty.
    """

    key: str
    title: str
    columns: Cells
    rows: tuple[Cells, ...]
    note: str = ""


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
    low, high = own["sharpe_interval_95"] or (None, None)
    fall = own["max_drawdown_peak_session"]
    back = own["max_drawdown_recovery_session"]
    after = f"recovered {back}" if back else "not recovered"
    rows = [
        ("Sharpe ratio", decimal(own["sharpe"]), f"95%: {decimal(low)} to {decimal(high)}"),
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
        (named(name), whole(value), _bp(value, traded))
        for name, value in own["by_component_hkd"].items()
        if value
    ]
    rows.append(("all costs", whole(own["total_hkd"]), _bp(own["total_hkd"], traded)))
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
    gross = f"gross {_share(own['gross_exposure'])}, " if shorts else ""
    rows = [
        ("Orders", whole(own["orders"]), statuses),
        ("Trades", whole(own["trades"]), f"{own['open_trades']} still open{shorts}"),
        ("Hit rate, net", _share(own["hit_rate"]), f"gross {_share(own['gross_hit_rate'])}"),
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
            _share(own["exposure"]),
            f"{gross}invested in {_share(own['time_in_market'])} of sessions",
        ),
    ]
    return Table(
        "trading", "Trading", ("<", "Value", "<Detail"), tuple(rows) if own["orders"] else ()
    )


def predictions(metrics: Mapping[str, Any]) -> Table:
    """Return the classifier beside its baselines, on the same rows out of sample."""
    rows = []
    for name, own in metrics["predictions"].items():
        if own["n"]:
            rows.append(
                (
                    named(name),
                    whole(own["n"]),
                    decimal(own["auc"], 3),
                    decimal(own["mcc"], 3, sign=True),
                    decimal(own["brier"], 4),
                    decimal(own["log_loss"], 4),
                    decimal(own["calibration_error"], 3),
                    decimal(own["rank_ic"], 3, sign=True),
                    decimal(own["rank_ic_t"], sign=True),
                )
            )
    model = metrics["predictions"].get("model", {})
    return Table(
        "predictions",
        "Prediction quality, out of sample",
        ("<", "n", "AUC", "MCC", "Brier", "Log loss", "ECE", "Rank IC", "t"),
        tuple(rows),
        f"Rank IC: mean over {model.get('rank_ic_sessions')} sessions; Newey-West t, lag"
        f" {model.get('rank_ic_lag')}. Base rate {_share(model.get('base_rate'))}.",
    )


def drift(view: RunView, shown: int = 6) -> Table:
    """Return how far each fold's window is from what its model learned from.

    Of more than `shown` feature groups those that have moved most, in any fold.
    """
    found = [(fold, fold["drift"]) for fold in view.folds if fold.get("drift")]
    most: dict[str, float] = {}
    for _, own in found:
        for name in own:
            if name.startswith(_PSI) and name != _PSI_ANSWERS:
                most[name] = max(most.get(name, 0.0), own[name])
    kept = sorted(sorted(most, key=lambda name: -most[name])[:shown], key=list(most).index)
    rows = [
        (
            str(fold["test_start"])[:7],
            *(decimal(own.get(name)) for name in kept),
            decimal(own.get(_PSI_ANSWERS)),
            _share(own.get("unseen_terms")),
            decimal(own.get("brier_60"), 3),
        )
        for fold, own in found
    ]
    left = len(most) - len(kept)
    return Table(
        "drift",
        "Drift by fold",
        (
            "<Window",
            *(name.removeprefix(_PSI) for name in kept),
            "Answers",
            "Unseen",
            "Brier",
        ),
        tuple(rows),
        "Stability index (PSI) of each feature group and of the answers, window against training:"
        " under 0.10 calm, over 0.25 a shift. Unseen: terms the model does not know. Brier: of the"
        " last 60 known answers at the window's end."
        + (f" {left} more groups stand in folds.json." if left else ""),
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


def folds(view: RunView) -> Table:
    """Return the walk-forward folds, one column each scalar they report."""
    names = list(dict.fromkeys(name for fold in view.folds for name in fold))
    plain = [n for n in names if not any(isinstance(f.get(n), dict | list) for f in view.folds)]
    rows = [tuple(_scalar(fold.get(name)) for name in plain) for fold in view.folds]
    columns = tuple(
        named(n) if isinstance(view.folds[0].get(n), int | float) else f"<{named(n)}" for n in plain
    )
    return Table("folds", "Walk-forward folds", columns, tuple(rows))


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


def money(value: float | None) -> str:
    """Return HKD without cents."""
    return "–" if value is None else f"HKD {whole(value)}"


def whole(value: float | None, sign: bool = False) -> str:
    """Return a number without decimals, grouped by thousands."""
    return decimal(value, 0, sign)


def day(session: object) -> str:
    """Return an exchange date, an en dash for none."""
    stamp = pd.Timestamp(session)  # type: ignore[arg-type]
    return "–" if pd.isna(stamp) else str(stamp.date())


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return (dotted key, text) of every value of a nested mapping; what is None is left out.

    Sections come behind plain values, as in a TOML file.
    """
    found: list[tuple[str, str]] = []
    for name, value in sorted(values.items(), key=lambda item: isinstance(item[1], Mapping)):
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            found += flat(value, f"{key}.")
        else:
            found += [(key, _scalar(value))] if value is not None else []
    return found


def _trades_by(rows: Sequence[Mapping[str, Any]], key: str, title: str, note: str) -> Table:
    cells = [
        (
            str(row[key]),
            decimal(row["trades"], 0 if float(row["trades"]).is_integer() else 1),
            _share(row["hit_rate"]),
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


def _share(value: float | None) -> str:
    return percent(value).lstrip("+")


def _bp(cost: float, traded: float) -> str:
    return decimal(cost / traded * 10_000.0, 1) if traded else "–"


def _scalar(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
