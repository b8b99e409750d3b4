"""explain: a trade traced back, fill by fill, to the stories it was decided on, with all clocks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from backtests.folder import read_run
from backtests.view import RunView
from markets.calendar import Calendar, hong_kong_calendar
from markets.clock import for_people
from markets.errors import DataError

Record = dict[str, Any]


def explain(folder: Path, trade_id: int) -> Record:
    """Trace a trade.

    Parameters
    ----------
    folder : Path
        A run folder.
    trade_id : int
        As in ``trades.csv``.

    Returns
    -------
    dict
        JSON-ready: ``trade``, ``borrow_hkd`` (of its cost, what borrowed stock took) and, for each
        of its fills in ``fills``: the ``fill``, its ``order``, the ``signal`` it answered to, the
        out-of-sample ``prediction`` with the columns that weighed most and the
        sum of each feature group, the ``stories`` with all
        clocks and their ``events``, and the ``clocks`` in order. Of a linear model each story and
        each event has its ``logit``, which add up to the log-odds with that of ``none`` in the
        prediction; each by feature group in ``groups``.

    Raises
    ------
    DataError
        If the run has no such trade.
    """
    view = read_run(folder)
    trade = _one(view.trades, "trade_id", trade_id)
    if trade is None:
        raise DataError(
            "the run has no such trade",
            given=trade_id,
            wanted=f"1 to {len(view.trades)}" if len(view.trades) else "a run that traded",
            where=str(folder / "trades.csv"),
        )
    fills = view.fills[view.fills["trade_id"] == trade_id]
    calendar = hong_kong_calendar()
    borrowed = (view.actions["trade_id"] == trade_id) & (view.actions["kind"] == "borrow")
    return {
        "run": str(folder),
        "trade": trade,
        "borrow_hkd": round(-float(view.actions.loc[borrowed, "cash_hkd"].sum()), 2),
        "fills": [_trace(view, trade, _record(fill), calendar) for _, fill in fills.iterrows()],
    }


def _trace(view: RunView, trade: Record, fill: Record, calendar: Calendar) -> Record:
    order = _one(view.orders, "order_id", fill["order_id"])
    signal = _one(view.signals, "signal_id", fill["signal_id"]) if fill["signal_id"] else None
    traced: Record = {"fill": fill, "order": order, "signal": signal}
    left = fill["side"] == ("buy" if trade["side"] == "short" else "sell")
    if order is not None:
        traced["reason"] = _reason(view, trade, fill, signal) if left else None
    if signal is not None:
        here = (view.predictions["ticker"] == signal["ticker"]) & (
            view.predictions["session"] == pd.Timestamp(signal["effective_session"])
        )
        rows = [_record(row) for _, row in view.predictions[here].iterrows()]
        traced["prediction"] = rows[0] if rows else None
        traced["stories"] = _stories(view, signal)
        _weigh(traced)
        traced["clocks"] = _clocks(traced, calendar, left=left)
    return traced


def _reason(view: RunView, trade: Record, fill: Record, signal: Record | None) -> Record | None:
    """Return why a position was left: the signals that stood while it was held, and what ended it.

    A signal of its side that took effect while the stock was held extends its horizon; the order
    that leaves still carries the id of the signal the position was opened on.
    """
    if signal is None:
        return None
    signals = view.signals[view.signals["ticker"] == fill["ticker"]]
    left = pd.Timestamp(fill["session"])
    since = pd.Timestamp(signal["effective_session"])
    held = signals[signals["effective_session"].between(since, left) & (signals["direction"] != 0)]
    opposite = 1 if trade["side"] == "short" else -1
    against = held[(held["direction"] == opposite) & (held["effective_session"] == left)]
    ended = "opposite signal" if len(against) else "horizon ended"
    if not len(against) and not (held["expires_session"] == left).any():
        ended = "the strategy's own choice"
    columns = ["signal_id", "direction", "effective_session", "expires_session"]
    return {"ended_by": ended, "signals": [_record(row) for _, row in held[columns].iterrows()]}


def _stories(view: RunView, signal: Record) -> list[Record]:
    here = (view.stories["ticker"] == signal["ticker"]) & (
        view.stories["session"] == pd.Timestamp(signal["effective_session"])
    )
    return [_record(row) for _, row in view.stories[here].iterrows()]


def _weigh(traced: Record) -> None:
    """Write beside each story and event, and beside neither, what it added to the log-odds."""
    told = (traced["prediction"] or {}).pop("by_story", None)
    if not told:  # of no linear model, or of a run before they were told
        return
    of_story = {(one["source"], one["item_id"]): one["groups"] for one in told["stories"]}
    of_event: dict[tuple[str, str], list[Record]] = {}
    for one in told["events"]:
        of_event.setdefault((one["item_id"], one["event_id"]), []).append(one["groups"])
    for story in traced["stories"]:
        story |= _added(of_story.get((story["source"], story["item_id"]), {}))
        for event in story.get("events") or []:
            # Each once, should two stories of a row share an id.
            left = of_event.get((story["item_id"], event["event_id"]))
            event |= _added(left.pop(0) if left else {})
    traced["prediction"]["none"] = _added(told["none"])


def _added(groups: Record) -> Record:
    return {"logit": math.fsum(groups.values()), "groups": groups}


def _clocks(traced: Mapping[str, Any], calendar: Calendar, *, left: bool) -> list[Record]:
    """Return every instant of the chain in order: story clocks, decision, open."""
    clocks = [
        {"at": story[name], "what": f"{name} of {story['item_id']}"}
        for story in traced["stories"]
        for name in ("published_at", "first_seen_at", "enriched_at", "available_at")
        if story.get(name)
    ]
    signal = traced["signal"]
    clocks.append({"at": signal["decided_at"], "what": "decision of the signal"})
    session = date.fromisoformat(traced["fill"]["session"])
    if left:
        known = calendar.close_at(calendar.previous_session(session)).isoformat()
        clocks.append({"at": known, "what": "last close known to the order that left"})
    opened = calendar.open_at(session).isoformat()
    clocks.append({"at": opened, "what": f"open of {session}, where the order filled"})
    return sorted(clocks, key=lambda clock: datetime.fromisoformat(clock["at"]))


def _one(table: pd.DataFrame, column: str, value: object) -> Record | None:
    found = table[table[column] == value]
    return _record(found.iloc[0]) if len(found) else None


def _record(row: pd.Series) -> Record:
    return {str(name): _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    """Return a cell as JSON has it: dates and instants as ISO 8601, JSON texts read."""
    if isinstance(value, pd.Timestamp):
        return value.isoformat() if value.tzinfo else value.date().isoformat()
    if value is pd.NaT or (isinstance(value, float) and pd.isna(value)):
        return None
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, str) and value[:1] in "[{" and value[-1:] in "]}":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value.item() if hasattr(value, "item") else value


def print_explanation(explanation: Mapping[str, Any]) -> None:
    """Print a trace for a person, clocks in Hong Kong time."""
    from rich.tree import Tree

    from backtests.metrics.verdict import decimal, percent
    from backtests.reports.formats import direction, whole
    from backtests.reports.terminal import plain, to_stdout

    trade = explanation["trade"]
    enters, leaves = ("sold short", "covered") if trade["side"] == "short" else ("bought", "sold")
    leaves = "still open" if trade["is_open"] else f"{leaves} {trade['exit_session']}"
    gross, cost, net = (
        decimal(trade[name], 2, sign=name != "cost_hkd")
        for name in ("gross_pnl_hkd", "cost_hkd", "net_pnl_hkd")
    )
    root = Tree(
        f"[bold]trade {trade['trade_id']}[/bold]  {trade['ticker']}  "
        f"{whole(trade['shares'])} shares, {enters} {trade['entry_session']}, {leaves}: "
        f"gross {gross}, costs {cost}, net {net} HKD ({percent(trade['net_return'], 2)})"
    )
    if explanation["borrow_hkd"]:
        root.add(f"of the costs {decimal(explanation['borrow_hkd'])} HKD for borrowed stock")
    for traced in explanation["fills"]:
        fill, order, signal = traced["fill"], traced["order"], traced["signal"]
        branch = root.add(
            f"[bold]fill[/bold]  {fill['side']} {whole(fill['shares'])} at "
            f"{fill['price_hkd']:g} HKD, open of {fill['session']}, "
            f"costs {decimal(fill['cost_hkd'])} HKD"
        )
        branch.add(
            f"order {order['order_id']}: {whole(order['shares'])} wanted for "
            f"{order['effective_session']}, sized after the close of "
            f"{order['decided_session']}; {order['status']}"
        )
        if traced.get("reason"):
            left = branch.add(f"left because: {traced['reason']['ended_by']}")
            for stood in traced["reason"]["signals"]:
                left.add(
                    f"signal {stood['signal_id'][:12]}: {direction(stood['direction'])}, "
                    f"from {stood['effective_session']} to {stood['expires_session']}"
                )
        if signal is None:
            branch.add("no signal: the strategy's own exit, or a baseline")
            continue
        _print_signal(branch, traced, plain)
    to_stdout(lambda console: console.print(root))


def _print_signal(branch: Any, traced: Mapping[str, Any], plain: Any) -> None:
    from rich.markup import escape

    from backtests.reports.formats import direction

    signal, prediction = traced["signal"], traced["prediction"]
    node = branch.add(
        f"signal {signal['signal_id'][:12]}: {direction(signal['direction'])}, "
        f"probability {signal['probability']:.3f}, fold {signal['fold']}, "
        f"to {signal['expires_session']}"
        + (f", sized down to {signal['size']:g}" if signal["size"] < 1.0 else "")
    )
    told = prediction or {}
    if told.get("groups"):
        total = sum(told["groups"].values())
        listed = escape(plain(_sums(told["groups"])))
        node.add(f"log-odds {_log_odds(total)}: {listed}")
    for weight in told.get("contributions") or []:
        node.add(f"{_log_odds(weight['logit'])}  {weight['column']}")
    node.add(_table(traced, plain))
    clocks = branch.add("clocks")
    for clock in traced["clocks"]:
        clocks.add(f"{for_people(datetime.fromisoformat(clock['at']))}  {clock['what']}")


def _table(traced: Mapping[str, Any], plain: Any) -> Any:
    """Return the stories and events, with what each added to the log-odds where that is known."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("log-odds", justify="right", no_wrap=True)
    table.add_column("of", overflow="fold")

    def line(of: Mapping[str, Any], text: str) -> None:
        table.add_row(_log_odds(of["logit"]) if "logit" in of else "", escape(plain(text)))

    for story in traced["stories"]:
        line(story, f"story {story['item_id']} ({story['source']}): {story['title']}")
        for event in story.get("events") or []:
            line(event, f"  {_event_line(event)}")
    none = (traced["prediction"] or {}).get("none")
    if none:
        line(none, f"no one of them: {_sums(none['groups'])}")
    return table


def _sums(groups: Mapping[str, float]) -> str:
    """Return what feature groups added, the heaviest first."""
    ordered = sorted(groups.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
    return ", ".join(f"{name} {_log_odds(value)}" for name, value in ordered)


def _log_odds(value: float) -> str:
    from backtests.metrics.verdict import decimal

    return decimal(value, 3, sign=True)


def _event_line(event: Mapping[str, Any]) -> str:
    """Return what an event says, how sure it is, and where that stands."""
    from backtests.metrics.verdict import decimal

    place = f"sentence {event['sentence']}" if event["sentence"] else "title"
    return (
        f"{event['kind']} {decimal(event['polarity'], 1, sign=True)} {event['certainty']}, "
        f"novelty {event['novelty']:.2f}"
        + "".join(f", {word}" for word in ("reaction", "background") if event[f"is_{word}"])
        + (", negated" if event["negated"] else "")
        + (f", {event['amount']:g} {event['currency']}" if event.get("amount") else "")
        + f" ({place}, {event['rule_id']})"
    )
