"""Price files: what is read, what is refused, and what the refusal says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from markets.errors import ConfigError, DataError, MissingDataError, TickerError
from markets.sources import PriceSettings, load_prices
from markets.sources.files import FileSettings, FileSource
from markets.testing import check_price_source

HEADER = "date,ticker,open,high,low,close,volume"
GOOD = "2025-09-11,9988,143,144,141,143.3,100"


def row(day: str, ticker: str = "9988", prices: str = "150,153,149,151", volume: str = "9") -> str:
    return f"{day},{ticker},{prices},{volume}"


def load(folder: Path, lines: list[str], *, header: str = HEADER, **options: object):
    (folder / "prices.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    settings = FileSettings(pattern="prices.csv", max_rejected_share=1.0, **options)
    return FileSource(settings, folder, lambda day: day.weekday() < 5).load(None, None, None)


def test_many_tickers_in_one_file_in_any_order_and_spelling(tmp_path: Path) -> None:
    market = load(
        tmp_path, [row("2025-09-12"), row("2025-09-12", "HK0700"), GOOD, row("20250910", "00700")]
    )
    assert market.tickers == ("0700.HK", "9988.HK")
    assert list(market.bars["9988.HK"]["close"]) == [143.3, 151.0]
    assert market.bars["0700.HK"].index.name == "session"
    assert market.rejections == ()
    assert market.source == "prices.csv"


@pytest.mark.parametrize(
    ("line", "problem", "given"),
    [
        (row("2025-09-12", prices="nan,153,149,151"), "not a price", "open nan"),
        (row("2025-09-12", prices=",153,149,151"), "no price", "open (empty)"),
        (row("2025-09-12", prices="inf,inf,149,151"), "not a price", "open inf"),
        (row("2025-09-12", prices="n/a,153,149,151"), "not a price", "open n/a"),
        (row("2025-09-12", prices="150,153,-149,151"), "a price of zero or less", "low -149"),
        (row("2025-09-12", prices="150,153,0,151"), "a price of zero or less", "low 0"),
        (row("2025-09-12", prices="150,150.5,149,151"), "prices out of order", "high 150.5"),
        (row("2025-09-12", prices="148.9,153,149,151"), "prices out of order", "open 148.9"),
        (row("2025-09-12", volume=""), "no volume", "volume (empty)"),
        (row("2025-09-12", volume="-5"), "not a volume", "volume -5"),
        (row("2025-09-13"), "no trading session on this date", "date 2025-09-13"),
        (row("2025-02-30"), "not a date", "date 2025-02-30"),
        (row("12.09.2025"), "not a date", "date 12.09.2025"),
        (row(""), "no date", "date (empty)"),
        (row("abc"), "not a date", "date abc"),
        (row("2025-09-12T09:30:00"), "a time of day where a session was wanted", "T09:30"),
        (row("2025-09-12T00:00:00Z"), "a time of day where a session was wanted", "T00:00:00Z"),
        (row("2025-09-12", "AAPL"), "no Hong Kong ticker", "ticker AAPL"),
        (row("2025-09-12", "BABA.US"), "no Hong Kong ticker", "ticker BABA.US"),
        ("2025-09-12,9988,150", "a row of another width", "3 cells"),
    ],
)
def test_a_bad_row_is_listed_and_the_good_one_kept(
    tmp_path: Path, line: str, problem: str, given: str
) -> None:
    market = load(tmp_path, [GOOD, line])
    assert len(market.bars["9988.HK"]) == 1
    (rejected,) = market.rejections
    assert rejected.problem == problem
    assert given in rejected.given
    assert rejected.where == "prices.csv: line 3"
    assert rejected.wanted


def test_another_currency_is_rejected(tmp_path: Path) -> None:
    market = load(
        tmp_path, [GOOD + ",HKD", row("2025-09-12") + ",CNY"], header=HEADER + ",currency"
    )
    assert [(r.problem, r.given, r.wanted) for r in market.rejections] == [
        ("another currency", "currency CNY", "HKD")
    ]


def test_a_day_without_volume_is_no_bar_and_no_error(tmp_path: Path) -> None:
    closed = row("2025-09-13", prices="151,151,151,151", volume="0")
    halted = row("2025-09-12", prices=",,,", volume="0")
    market = load(tmp_path, [GOOD, closed, halted])
    assert len(market.bars["9988.HK"]) == 1
    assert market.rejections == ()
    assert [day.date() for day in market.untraded["9988.HK"]] == [
        date(2025, 9, 12),
        date(2025, 9, 13),
    ]


def test_equal_rows_count_once_and_contradicting_rows_not_at_all(tmp_path: Path) -> None:
    lines = [GOOD, GOOD, row("2025-09-12"), row("2025-09-12", volume="10"), row("2025-09-15")]
    market = load(tmp_path, lines)
    assert [day.date() for day in market.bars["9988.HK"].index] == [
        date(2025, 9, 11),
        date(2025, 9, 15),
    ]
    assert [(r.where, r.problem) for r in market.rejections] == [
        ("prices.csv: line 3", "the same row again"),
        ("prices.csv: line 4", "rows that contradict each other"),
        ("prices.csv: line 5", "rows that contradict each other"),
    ]


def test_zone_aware_midnights_are_dates_in_hong_kong(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "date": pd.DatetimeIndex(
                ["2025-09-10T16:00Z", "2025-09-11T16:00Z", "2025-09-12T00:00Z"]
            ),
            "symbol": "0700.HK",
            "open": 1.0,
            "high": 1.0,
            "low": 1.0,
            "close": 1.0,
            "volume": 5,
        }
    )
    frame.to_parquet(tmp_path / "p.parquet")
    settings = FileSettings(pattern="p.parquet", max_rejected_share=0.5)
    market = FileSource(settings, tmp_path).load(None, None, None)
    days = [day.date() for day in market.bars["0700.HK"].index]
    assert days == [date(2025, 9, 11), date(2025, 9, 12)]
    assert market.rejections[0].where == "p.parquet: row 2"
    assert "2025-09-12" in market.rejections[0].given


def test_one_ticker_a_file_named_after_it(tmp_path: Path) -> None:
    for name in ("700", "9988.HK"):
        (tmp_path / f"{name}.csv").write_text(
            "Date;Open;High;Low;Close;Volume".replace(";", ",") + "\n2025-09-12,2,3,1,2,7\n"
        )
    settings = FileSettings(pattern="*.csv", take="all")
    market = FileSource(settings, tmp_path).load(["700"], None, None)
    assert market.tickers == ("0700.HK",)
    (tmp_path / "notes.csv").write_text("Date,Open\n2025-09-12,2\n")
    with pytest.raises(MissingDataError, match="no column for ticker"):
        FileSource(settings, tmp_path).load(None, None, None)


def test_of_several_matches_the_newest_name_wins_or_all_are_read(tmp_path: Path) -> None:
    (tmp_path / "p_2025-08.csv").write_text(f"{HEADER}\n{row('2025-08-29')}\n{GOOD}\n")
    (tmp_path / "p_2025-09.csv").write_text(f"{HEADER}\n{GOOD}\n{row('2025-09-12')}\n")
    newest = FileSource(FileSettings(pattern="p_*.csv"), tmp_path).load(None, None, None)
    assert len(newest.bars["9988.HK"]) == 2
    every = FileSettings(pattern="p_*.csv", take="all", max_rejected_share=0.5)
    market = FileSource(every, tmp_path).load(None, None, None)
    assert len(market.bars["9988.HK"]) == 3
    assert [(r.where, r.problem) for r in market.rejections] == [
        ("p_2025-09.csv: line 2", "the same row again")
    ]


def test_columns_are_mapped_and_a_wrong_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    header = "Handelstag,Kuerzel,Erster,Hoch,Tief,Letzter,Stueck"
    names = dict(zip(HEADER.split(","), header.split(","), strict=True))
    market = load(tmp_path, [GOOD], header=header, columns=names)
    assert market.bars["9988.HK"]["close"].iloc[0] == 143.3
    with pytest.raises(ConfigError, match=r"nearest\s+Letzter"):
        load(tmp_path, [GOOD], header=header, columns={**names, "close": "Lezter"})
    with pytest.raises(MissingDataError, match="no column for volume"):
        load(tmp_path, [GOOD.rsplit(",", 1)[0]], header=HEADER.rsplit(",", 1)[0])
    with pytest.raises(ValueError, match="'close'"):
        FileSettings(columns={"clos": "Letzter"})


def test_too_many_rejected_rows_are_an_error_that_shows_the_first(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(f"{HEADER}\n{GOOD}\n{row('2025-09-12', 'AAPL')}\n")
    with pytest.raises(DataError, match="too many rows are no bars") as caught:
        FileSource(FileSettings(pattern="p.csv"), tmp_path).load(None, None, None)
    assert caught.value.given == (
        "1 of 2 rows; p.csv: line 3: no Hong Kong ticker, given ticker AAPL, "
        "wanted a code of 1 to 5 digits, as in 700 or 0700.HK"
    )


def test_what_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="no price file matches"):
        FileSource(FileSettings(), tmp_path).load(None, None, None)
    (tmp_path / "p.csv").write_text(f"{HEADER}\n{GOOD}\n{row('2025-09-12', '700')}\n")
    source = FileSource(FileSettings(pattern="p.csv"), tmp_path)
    with pytest.raises(MissingDataError, match=r"no good row for 9998\.HK") as caught:
        source.load(["9998.HK", "700"], None, None)
    assert caught.value.nearest == "9988.HK" or caught.value.nearest is None
    with pytest.raises(MissingDataError, match=r"no good row for 0700\.HK"):
        source.load(["700"], None, date(2025, 9, 11))
    with pytest.raises(TickerError):
        source.load(["TCEHY"], None, None)
    bad = row("2025-09-12", "700", prices="1,1,1,-1")
    with pytest.raises(MissingDataError, match=r"no good row for 0700\.HK"):
        load(tmp_path, [GOOD, bad])


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("p.csv", b"", "no rows"),
        ("p.csv", HEADER.encode() + b"\n", "no rows"),
        ("p.csv", HEADER.encode() + b"\n2025-09-12,\xff\xfe,1,1,1,1,1\n", "not the declared encod"),
        ("p.csv", HEADER.encode() + b'\n"2025' + b"x" * 140_000 + b"\n", "no readable table"),
        ("p.parquet", b"PAR1 not really", "no readable Parquet"),
        ("p.xlsx", b"PK", "no format for this file ending"),
    ],
)
def test_an_unreadable_file_is_one_clear_error(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=problem) as caught:
        FileSource(FileSettings(pattern=name), tmp_path).load(None, None, None)
    assert caught.value.where == name


def test_a_byte_order_mark_and_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(f"{HEADER}\n{GOOD}\n", encoding="utf-8-sig")
    assert FileSource(FileSettings(pattern="p.csv"), tmp_path).load(None, None, None).bars
    (tmp_path / "p.csv").write_text(f"{HEADER},名\n{GOOD},騰訊\n", encoding="big5hkscs")
    settings = FileSettings(pattern="p.csv", encoding="big5hkscs")
    assert FileSource(settings, tmp_path).load(None, None, None).bars


ACTIONS = "ticker,ex_date,ratio,cash_hkd\n"


def actions(folder: Path, text: str) -> pd.DataFrame:
    (folder / "actions.csv").write_text(ACTIONS + text)
    return load(folder, [GOOD, row("2025-09-12")], actions_pattern="actions.csv").actions


def test_actions_of_the_tickers_loaded_are_sorted_with_defaults(tmp_path: Path) -> None:
    table = actions(tmp_path, "9988,2025-09-12,,1.5\n9988,2024-06-13,5,\n700,2025-01-02,2,0\n")
    assert table["ticker"].tolist() == ["9988.HK", "9988.HK"]
    assert table["ratio"].tolist() == [5.0, 1.0]
    assert table["cash_hkd"].tolist() == [0.0, 1.5]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("9988,2025-09-12,0,1\n", "no split ratio"),
        ("9988,2025-09-12,1,-1\n", "no cash amount"),
        ("9988,2025-09-12,two,1\n", "no split ratio"),
        ("9988,2025-13-12,1,1\n", "no date"),
        ("BABA,2025-09-12,1,1\n", "no Hong Kong ticker"),
        ("9988,2025-09-12,1,1\n9988,2025-09-12,2,0\n", "two actions"),
        ("9988,2025-09-12,1,1\n9988,2025-09-15,1\n", "another width"),
    ],
)
def test_a_bad_action_is_an_error(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        actions(tmp_path, text)
    assert "actions.csv: line" in str(caught.value.where)


def test_adjusted_prices_take_no_actions(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="contain their actions already"):
        FileSource(FileSettings(adjusted=True, actions_pattern="a.csv"), tmp_path)


def test_float_noise_of_an_adjustment_is_no_inverted_bar(tmp_path: Path) -> None:
    high = 15.722750
    above = float(np.nextafter(high, 20))
    market = load(tmp_path, [GOOD, row("2025-09-12", prices=f"{above!r},{high},15,15.5")])
    assert market.rejections == ()
    bar = market.bars["9988.HK"].iloc[-1]
    assert bar["high"] == bar["open"] == above


def test_index_levels_come_by_name(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(
        "date,symbol,close,pe\n2025-09-11,HSI,26086.3,\n2025-09-11,HSTECH,5888,\n"
        "2025-09-12,HSI,26388.2,\n2025-09-13,HSI,1,\n"
    )
    market = load(tmp_path, [GOOD], index_pattern="index.csv")
    assert market.indices["HSI"]["close"].tolist() == [26086.3, 26388.2]
    assert set(market.indices) == {"HSI", "HSTECH"}
    assert [r.where for r in market.rejections] == ["index.csv: line 5"]


def test_files_keep_the_promises_of_a_source(tmp_path: Path) -> None:
    days = pd.bdate_range("2025-09-01", periods=8)
    lines = [
        row(f"{day:%Y-%m-%d}", ticker, volume=str(9 + n))
        for n, day in enumerate(days)
        for ticker in ("9988", "700", "9888")
    ]
    (tmp_path / "p.csv").write_text("\n".join([HEADER, *lines]))
    (tmp_path / "a.csv").write_text(ACTIONS + "9988,2025-09-08,2,0\n700,2025-09-03,,4.5\n")
    source = FileSource(FileSettings(pattern="p.csv", actions_pattern="a.csv"), tmp_path)
    market = check_price_source(source, ["9988.HK", "0700.HK"], date(2025, 9, 1), date(2025, 9, 9))
    assert len(market.actions) == 2


@pytest.mark.real
def test_the_shared_layout_loads_as_declared(shared_dir: Path) -> None:
    files = FileSettings(
        pattern="prices_daily_adj_to_*.parquet",
        index_pattern="index_close_to_*.parquet",
        adjusted=True,
    )
    settings = PriceSettings(source="files", files=files)
    market = load_prices(settings, None, None, date(2025, 9, 30), shared_dir / "data")
    assert len(market.tickers) == 38
    assert market.adjusted
    assert {"HSI", "HSTECH"} <= set(market.indices)
    assert not market.bars["0285.HK"].index.isin(["2023-09-01", "2023-09-08"]).any()
    assert 0 < len(market.rejections) < 100
    check_price_source(
        FileSource(files, shared_dir / "data"),
        ["0700.HK", "9988.HK"],
        date(2024, 1, 2),
        date(2024, 6, 28),
    )
