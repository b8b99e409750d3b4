"""`newswake data …` as a user calls it: import, fetch and check, good input and bad."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from backtests.cli import app
from markets.errors import NetworkError
from markets.sources import yahoo
from markets.sources.snapshots import SnapshotFolder
from markets.sources.yahoo_history import Answer

HEADER = "date,ticker,open,high,low,close,volume"
DAYS = ("2025-09-08", "2025-09-09", "2025-09-10", "2025-09-11", "2025-09-12")


def data(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def document(result: Result, code: int = 0) -> dict[str, Any]:
    assert (result.exit_code, "Traceback" in result.output) == (code, False), result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def prices(folder: Path, *changed: str, name: str = "prices.csv") -> Path:
    """Write a week of two stocks, and rows more."""
    rows = [HEADER]
    for number, day in enumerate(DAYS):
        for ticker, price in (("9988", 140 + number), ("700", 620 - number)):
            rows.append(f"{day},{ticker},{price},{price + 1},{price - 1},{price},1000000")
    path = folder / name
    path.write_text("\n".join([*rows, *changed]) + "\n")
    return path


def config(folder: Path, extra: str = "") -> Path:
    story = {
        "id": "1",
        "published_at": "2025-09-10T20:00:00+08:00",
        "source": "made up",
        "title": "Alibaba raises its outlook",
    }
    (folder / "news.jsonl").write_text(json.dumps(story) + "\n")
    path = folder / "run.toml"
    path.write_text(
        f'name = "week"\nstart = 2025-09-08\nend = 2025-09-12\ndata_dir = "{folder}"\n'
        'universe = ["0700", "9988"]\n[prices]\nsource = "files"\n[prices.files]\n'
        f'pattern = "prices.csv"\nmax_rejected_share = 0.5\n{extra}'
        '[news]\nsource = "jsonl"\npath = "news.jsonl"\n'
    )
    return path


def test_import_keeps_good_rows_and_lists_the_others(tmp_path: Path) -> None:
    many = [f"{day},{1000 + n},9,9,9,9,100" for n in range(40) for day in DAYS]
    path = prices(tmp_path, "2025-09-15,1000,9,8,9,9,100", *many)
    out = tmp_path / "out" / "all.parquet"
    found = document(data("import", path, "--out", out, "--json"))
    assert (found["bars"], found["tickers"]) == (210, 42)
    assert [row["where"] for row in found["rejections"]] == ["prices.csv: line 12"]
    table = pd.read_parquet(out)
    assert list(table.columns) == ["date", "ticker", *HEADER.split(",")[2:]]
    before = out.read_bytes()
    again = data("import", path, "--out", out)
    assert (again.exit_code, out.read_bytes()) == (2, before)
    assert "there already" in again.stderr
    text = data("import", path, "--out", tmp_path / "b.parquet")
    assert "210 bars of 42 tickers" in text.stdout
    assert text.stdout.endswith("1 row rejected\n")
    assert text.stderr == (
        "rejected prices.csv: line 12: prices out of order, given open 9, high 8, low 9, close 9, "
        "wanted low ≤ open, close ≤ high\n"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("date,ticker,open,high,low,close\n2025-09-12,9988,1,1,1,1\n", "no column for volume"),
        (f"{HEADER}\n", "no rows"),
        (f"{HEADER},currency\n2025-09-12,9988,1,1,1,1,100,USD\n", "another currency"),
        (f"{HEADER}\n2025-09-12,AAPL,1,1,1,1,100\n", "no Hong Kong ticker"),
    ],
)
def test_import_refuses_what_is_no_price_file(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(text)
    found = document(data("import", path, "--out", tmp_path / "out.parquet", "--json"), 4)
    assert problem in found["problem"] + found.get("given", "")
    assert not (tmp_path / "out.parquet").exists()


def test_import_of_nothing(tmp_path: Path) -> None:
    result = data("import", tmp_path / "*.csv", "--out", tmp_path / "out.parquet", "--json")
    assert "no price file matches" in document(result, 4)["problem"]


def test_a_sound_week_is_checked(tmp_path: Path) -> None:
    prices(tmp_path)
    found = document(data("check", config(tmp_path), "--json"))
    assert (found["ok"], found["counts"]["bars"], found["counts"]["errors"]) == (True, 10, 0)
    text = data("check", config(tmp_path))
    assert text.exit_code == 0
    assert "0700.HK  2025-09-08 to 2025-09-12  5 bars of 5 sessions" in text.stdout
    assert "10 bars" in text.stdout


def test_errors_in_the_data_end_with_4(tmp_path: Path) -> None:
    path = prices(tmp_path)
    table = pd.read_csv(path).astype(dict.fromkeys(("open", "high", "low", "close"), float))
    late = (table["ticker"] == 9988) & (table["date"] >= DAYS[3])
    table.loc[late, ["open", "high", "low", "close"]] /= 2
    table.to_csv(path, index=False)
    found = document(data("check", config(tmp_path), "--json"), 4)
    assert not found["ok"]
    said = [row for row in found["findings"] if row["level"] == "error"]
    assert "looks like a split" in said[0]["message"]
    text = data("check", config(tmp_path))
    assert (text.exit_code, "looks like a split" in text.stdout) == (4, True)
    (tmp_path / "actions.csv").write_text(f"ticker,ex_date,ratio\n9988,{DAYS[3]},2\n")
    declared = config(tmp_path, 'actions_pattern = "actions.csv"\n')
    assert document(data("check", declared, "--json"))["ok"]


def test_check_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    assert "no price file" in document(data("check", config(tmp_path), "--json"), 4)["problem"]
    assert data("check", tmp_path / "nowhere.toml").exit_code == 3
    prices(tmp_path)
    assert data("check", config(tmp_path, "adjustd = true\n")).exit_code == 3
    row = f"ticker,ex_date,pay_date\n9988,{DAYS[3]},{DAYS[0]}\n"
    (tmp_path / "actions.csv").write_text(row)
    declared = config(tmp_path, 'actions_pattern = "actions.csv"\n')
    found = document(data("check", declared, "--json"), 4)
    assert (found["problem"], found["where"]) == (
        "pay_date before ex_date",
        "actions.csv: line 2",
    )


def store(folder: Path, name: str, currency: str = "HKD") -> Path:
    """Store a week as Yahoo states it."""
    days = pd.DatetimeIndex(pd.to_datetime(list(DAYS))).tz_localize("Asia/Hong_Kong")
    frame = pd.DataFrame(
        {"Open": 100.0, "High": 101.0, "Low": 99.0, "Close": 100.0, "Volume": 1_000_000},
        index=days,
    ).assign(**{"Dividends": 0.0, "Stock Splits": 0.0})
    snapshot = SnapshotFolder(folder).store(
        name,
        frame,
        library="yfinance test",
        parameters={},
        taken_at=datetime(2025, 9, 30, 12, tzinfo=UTC),
        currency=currency,
    )
    return snapshot.path


def fetch(folder: Path, *arguments: str) -> Result:
    asked = ["--start", "2025-09-08", "--end", "2025-09-12", "--folder", str(folder)]
    return data("fetch", "9988", *asked, "--json", *arguments)


def test_fetch_replays_the_snapshots_of_the_folder_it_is_given(tmp_path: Path) -> None:
    store(tmp_path, "9988.HK")
    store(tmp_path, "HSI")
    found = document(fetch(tmp_path, "--offline"))
    assert found["tickers"] == [
        {"ticker": "9988.HK", "bars": 5, "first": DAYS[0], "last": DAYS[-1]}
    ]
    assert document(fetch(tmp_path))["sha256"] == found["sha256"]  # nothing to ask for


def test_fetch_refuses_a_snapshot_that_was_changed(tmp_path: Path) -> None:
    path = store(tmp_path, "9988.HK")
    store(tmp_path, "HSI")
    path.write_bytes(path.read_bytes() + b" ")
    content = path.read_bytes()
    found = document(fetch(tmp_path, "--offline"), 4)
    assert found["problem"] == "a snapshot was changed after it was stored"
    assert found["where"] == str(path)
    assert path.read_bytes() == content


def test_fetch_refuses_another_currency_and_another_market(tmp_path: Path) -> None:
    store(tmp_path, "9988.HK", currency="USD")
    store(tmp_path, "HSI")
    assert document(fetch(tmp_path, "--offline"), 4)["given"] == "USD"
    result = data("fetch", "AAPL", "--start", "2025-09-08", "--json")
    assert document(result, 4)["problem"] == "no Hong Kong ticker"
    assert data("fetch", "9988", "--start", "yesterday").exit_code == 2


def test_fetch_without_snapshots_or_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def limited(symbol: str) -> Answer:
        asked.append(symbol)
        raise NetworkError("Yahoo limits its rate", given=symbol)

    monkeypatch.setattr(yahoo, "fetch_history", limited)
    monkeypatch.setitem(yahoo.YahooSource.__init__.__kwdefaults__, "sleep", lambda _: None)
    assert document(fetch(tmp_path, "--offline"), 4)["error"] == "MissingDataError"
    assert not asked
    assert document(fetch(tmp_path), 7)["error"] == "NetworkError"
    assert asked.count("9988.HK") == 4
    assert not list(tmp_path.iterdir())
