"""The project's own corporate actions, and how they complete what a price source states."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from markets.errors import DataError, TableError, TickerError
from markets.hk.actions import known_actions, read_known_actions, with_known_actions
from markets.prices import MarketData, no_actions
from markets.sources import PriceSettings, load_prices
from markets.sources.files import FileSettings
from markets.sources.sound import require_sound

HEADER = "ticker,ex_date,ratio,cash_hkd,pay_date,in_specie_ticker,in_specie_ratio,delivery_date\n"


def bars(opens, first="2022-01-17"):
    days = pd.bdate_range(first, periods=len(opens))
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), opens), dtype=float)
    frame["volume"] = 1e6
    return frame.set_axis(pd.DatetimeIndex(days, name="session").as_unit("s"))


def market(**tickers):
    frames = {f"{code[1:]}.HK": bars(opens) for code, opens in tickers.items()}
    return MarketData(bars=frames, actions=no_actions())


def files(folder, actions):
    rows = ["date,ticker,open,high,low,close,volume"]
    for ticker in ("0700", "9618"):
        for day in ("2022-01-19", "2022-01-20", "2022-01-21"):
            rows.append(f"{day},{ticker},400,400,400,400,1000")
    (folder / "prices.csv").write_text("\n".join(rows) + "\n")
    (folder / "actions.csv").write_text(actions)
    settings = FileSettings(pattern="prices.csv", actions_pattern="actions.csv")
    return PriceSettings(source="files", files=settings)


def test_the_facts_stand_in_the_table(answers_dir):
    text = (answers_dir / "corporate_actions.toml").read_text(encoding="utf-8")
    answers = tomllib.loads(text)["actions"]
    assert len(answers) == len(known_actions())
    for answer, found in zip(answers, known_actions(), strict=True):
        del answer["source"]
        told = {name: getattr(found, name) for name in answer}
        told |= {name: str(told[name]) for name in ("ratio", "in_specie_ratio")}
        assert told == answer


def test_raw_prices_are_completed_and_others_are_not():
    raw = market(_0700=[470.0] * 5, _9618=[290.0] * 5)
    full = with_known_actions(raw)
    require_sound(full)
    row = full.actions.iloc[0]
    assert (row["ticker"], row["ex_date"]) == ("0700.HK", pd.Timestamp("2022-01-20"))
    assert (row["ratio"], row["cash_hkd"]) == (1.0, 0.0)
    assert (row["in_specie_ticker"], row["delivery_date"]) == ("9618.HK", pd.Timestamp(2022, 3, 25))
    assert row["in_specie_ratio"] == 1 / 21
    adjusted = replace(raw, adjusted=True)
    assert with_known_actions(adjusted) is adjusted
    unconcerned = market(_9988=[100.0] * 5)
    assert with_known_actions(unconcerned) is unconcerned
    assert with_known_actions(raw.until(date(2022, 1, 19))).actions.empty


@pytest.mark.parametrize(("day", "wins"), [("2022-01-20", True), ("2022-01-18", True),
                                          ("2021-12-30", False)])  # fmt: skip
def test_a_row_of_the_source_within_a_week_wins(day, wins):
    own = no_actions()
    own.loc[0] = ["0700.HK", pd.Timestamp(day), 1.0, 14.0]
    raw = replace(market(_0700=[470.0] * 5), actions=own)
    assert len(with_known_actions(raw).actions) == (1 if wins else 2)


def test_a_distribution_is_worth_what_its_shares_open_at():
    full = with_known_actions(
        market(_0700=[480.0, 480, 480, 465, 465], _9618=[300.0, 300, 300, 315, 330])
    )
    returns = full.total_returns("0700.HK").to_numpy()
    assert returns[3] == pytest.approx((465 * (1 + 315 / 21 / 465)) / 480 - 1)
    assert returns[3] == pytest.approx(0.0)
    assert full.growth("9618.HK").eq(1.0).all()
    alone = full.only(["0700.HK"])
    assert alone.total_returns("0700.HK").to_numpy()[3] == pytest.approx(465 / 480 - 1)


def test_what_comes_later_changes_no_bit():
    whole = with_known_actions(
        market(_0700=np.linspace(480, 440, 9), _9618=np.linspace(300, 330, 9))
    )
    for day in whole.sessions():
        part = whole.until(day.date())
        assert part.growth("0700.HK").equals(whole.growth("0700.HK").loc[:day])


def test_the_hash_tells_a_distribution_and_only_a_distribution():
    raw = market(_0700=[470.0] * 5, _9618=[290.0] * 5)
    full = with_known_actions(raw)
    assert full.sha256 != raw.sha256
    other = full.actions.assign(in_specie_ratio=1 / 20)
    assert replace(full, actions=other).sha256 != full.sha256
    empty = raw.actions.assign(pay_date=pd.Series(dtype="datetime64[s]"))
    assert replace(raw, actions=empty).sha256 == raw.sha256


def test_files_state_later_payments_and_distributions(tmp_path):
    settings = files(
        tmp_path,
        HEADER + "700,2022-01-20,,1.6,2022-06-03,9618,1/21,2022-03-25\n9618,2022-01-21,2,,,,,\n",
    )
    loaded = load_prices(settings, None, None, None, tmp_path)
    assert loaded.actions["in_specie_ratio"].tolist() == [1 / 21, 0.0]
    assert loaded.actions["pay_date"].tolist() == [pd.Timestamp("2022-06-03"), pd.NaT]
    assert loaded.actions["ratio"].tolist() == [1.0, 2.0]


def test_one_filing_may_distribute_two_companies_and_cash(tmp_path):
    rows = "700,2022-01-20,,,,{},1/21,2022-03-25\n"
    text = HEADER + rows.format("9618") + "700,2022-01-20,,1.6,2022-06-03,,,\n"
    loaded = load_prices(files(tmp_path, text + rows.format("9988")), None, None, None, tmp_path)
    assert loaded.actions["in_specie_ticker"].tolist() == ["", "9618.HK", "9988.HK"]
    assert loaded.actions["cash_hkd"].tolist() == [1.6, 0.0, 0.0]
    # 1.6 in cash and 400/21 of shares that have a price here; all counted on the old share.
    assert loaded.growth("0700.HK").tolist() == pytest.approx(
        [1, *[1 + (1.6 + 400 / 21) / 400] * 2]
    )
    backwards = replace(loaded, actions=loaded.actions.iloc[::-1].reset_index(drop=True))
    assert backwards.sha256 == loaded.sha256
    with pytest.raises(DataError, match="must be sorted"):
        require_sound(backwards)
    splits = loaded.actions.assign(ratio=[1.0, 2.0, 1.0])
    with pytest.raises(DataError, match="an impossible action"):
        require_sound(replace(loaded, actions=splits))


@pytest.mark.parametrize("second", ["2,,,,,", ",,,9618,1/10,", ",,,9618,1/21,2022-03-26"])
def test_a_row_that_contradicts_another_is_named(tmp_path, second):
    first = "700,2022-01-20,,,,9618,1/21,2022-03-25\n"
    settings = files(tmp_path, HEADER + first + f"700,2022-01-20,{second}\n")
    with pytest.raises(DataError, match="two actions of one ticker on one date") as refused:
        load_prices(settings, None, None, None, tmp_path)
    assert refused.value.where == "actions.csv: line 3"


def test_files_of_four_columns_stay_as_they_were(tmp_path):
    settings = files(tmp_path, "ticker,ex_date,ratio,cash_hkd\n700,2022-01-20,1,14.5\n")
    loaded = load_prices(settings, None, None, None, tmp_path)
    assert list(loaded.actions.columns) == ["ticker", "ex_date", "ratio", "cash_hkd"]
    assert loaded.actions["cash_hkd"].tolist() == [14.5]


def test_the_known_actions_can_be_left_out(tmp_path):
    settings = files(tmp_path, "ticker,ex_date,ratio,cash_hkd\n9618,2022-01-20,1,1\n")
    assert len(load_prices(settings, None, None, None, tmp_path).actions) == 2
    off = settings.model_copy(update={"known_actions": False})
    assert len(load_prices(off, None, None, None, tmp_path).actions) == 1


@pytest.mark.parametrize(
    ("row", "error", "problem"),
    [
        ("700,2022-01-20,1/0,,,,,", DataError, "no split ratio"),
        ("700,2022-01-20,,,,9618,,", DataError, "no ratio in specie"),
        ("700,2022-01-20,,,,,1/21,", DataError, "no ratio in specie"),
        ("700,2022-01-20,,,,700,1/21,", DataError, "distribution of its own shares"),
        ("700,2022-01-20,,1,2022-01-19,,,", DataError, "pay_date before ex_date"),
        ("700,2022-01-20,,1,soon,,,", DataError, "no pay_date"),
        ("700,2022-01-20,,,,,,2022-03-25", DataError, "a delivery of nothing"),
        ("700,2022-01-20,,,,AAPL,1,", TickerError, "no Hong Kong ticker"),
        ("700,2022-01-20,,,,80700,1,", TickerError, "another currency"),
    ],
)
def test_a_row_that_is_off_is_refused_with_its_line(tmp_path, row, error, problem):
    settings = files(tmp_path, HEADER + row + "\n")
    with pytest.raises(error, match=problem) as refused:
        load_prices(settings, None, None, None, tmp_path)
    assert "actions.csv: line 2" in str(refused.value)


def test_a_table_that_is_off_is_refused(tmp_path):
    path = tmp_path / "actions.toml"
    row = (
        '[[actions]]\nticker = "700"\nex_date = 2022-01-20\nratio = "2"\nsource = "test"\n'
        "checked_on = 2022-01-20\nverified = true\n"
    )
    for text, problem in (
        (row + row, "two rows for one action"),
        (row + row + 'in_specie_ticker = "9618"\nin_specie_ratio = "1/21"\n', "two rows for one"),
        (row + 'in_specie_ticker = "9618"\n', "an impossible action"),
        (row + "delivery_date = 2022-01-19\n", "arrives before its ex date"),
        (row.replace('"2"', "2"), "no amount"),
        (row + "note = 1\n", "unknown key"),
    ):
        path.write_text(text)
        with pytest.raises(TableError, match=problem):
            read_known_actions(path)
    bare = row.replace('ratio = "2"\n', "") + 'in_specie_ratio = "1/21"\nin_specie_ticker = '
    path.write_text(bare + '"9988"\n' + bare + '"9618"\n')
    assert [one.in_specie_ticker for one in read_known_actions(path)] == ["9618.HK", "9988.HK"]
