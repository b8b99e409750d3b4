"""What a run says of the corporate actions and unconfirmed facts it stands on."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from backtests.checks import checks_of
from backtests.config import load_config
from backtests.inputs import load_inputs
from backtests.result import EngineResult
from markets.calendar import hong_kong_calendar

BYD, TENCENT = "1211.HK", "0700.HK"


def checks(
    folder: Path,
    prices: dict[str, tuple[float, float]],
    turn: str,
    extra: str = "",
    more_days: int = 0,
) -> list[dict[str, str]]:
    """Return the checks of a run on stocks whose price changes at the session `turn`.

    It goes on for `more_days` after its prices.
    """
    middle = date.fromisoformat(turn)
    start, end = (middle - pd.Timedelta(days=14), middle + pd.Timedelta(days=14))
    rows = ["date,ticker,open,high,low,close,volume"]
    for ticker, (before, after) in prices.items():
        for day in hong_kong_calendar().sessions(start, end):
            price = before if day < middle else after
            rows.append(f"{day},{ticker},{price},{price},{price},{price},1000000")
    (folder / "prices.csv").write_text("\n".join(rows) + "\n")
    story = {"id": "1", "published_at": f"{start}T08:00:00+08:00", "source": "x", "title": "x"}
    (folder / "news.jsonl").write_text(json.dumps(story) + "\n")
    ran_to = end + pd.Timedelta(days=more_days)
    path = folder / "run.toml"
    path.write_text(
        f'name = "t"\nstart = {start}\nend = {ran_to}\ndata_dir = "{folder}"\n'
        f'universe = {json.dumps(list(prices))}\n[prices]\nsource = "files"\n{extra}'
        '[prices.files]\npattern = "prices.csv"\n[news]\nsource = "jsonl"\npath = "news.jsonl"\n'
    )
    config = load_config(path, environment={}).config
    inputs = load_inputs(config)
    empty = pd.DataFrame({"ticker": [], "status": [], "reason": []}, dtype="str")
    fills = pd.DataFrame({"ticker": pd.Series(list(prices), dtype="str")})
    engine = EngineResult(empty, fills, empty, empty, empty, empty)
    memory = {"prices": 61, "own": None}
    return [dict(check) for check in checks_of(config, inputs, [], engine, memory, FOLDS)]


def fold(forward_return: float) -> Any:
    """A fold whose answers above one half earned that, and whose others lost it."""
    sample = pd.DataFrame({"probability": [0.6, 0.4] * 30})
    sample["forward_return"] = [forward_return, -forward_return] * 30
    return SimpleNamespace(fold=0, calibration_sample=sample.assign(cost=0.003))


FOLDS = (fold(0.02), fold(-0.02), SimpleNamespace(fold=2, calibration_sample=pd.DataFrame()))


def said(found: list[dict[str, str]], name: str) -> list[tuple[str, str]]:
    return [(check["level"], check["message"]) for check in found if check["name"] == name]


def test_a_split_the_prices_show_is_counted_and_its_cash_is_unconfirmed(tmp_path: Path) -> None:
    found = checks(tmp_path, {BYD: (393.0, 129.0)}, "2025-06-10")
    ((level, message),) = said(found, "corporate actions")
    assert level == "note"
    assert "counted: 1211.HK on 2025-06-10: 3 shares for one, HKD 4.34 a share" in message
    assert any("1211.HK" in message for _, message in said(found, "actions table"))


def test_a_split_the_prices_do_not_show_is_an_error(tmp_path: Path) -> None:
    found = checks(tmp_path, {BYD: (131.0, 129.0)}, "2025-06-10")
    errors = [message for level, message in said(found, "corporate actions") if level == "error"]
    assert len(errors) == 1
    assert "does not show" in errors[0]
    off = checks(tmp_path, {BYD: (131.0, 129.0)}, "2025-06-10", "known_actions = false\n")
    assert not said(off, "corporate actions")
    assert not said(off, "actions table")


def test_a_distribution_of_shares_without_prices_is_a_warning(tmp_path: Path) -> None:
    alone = said(checks(tmp_path, {TENCENT: (480.0, 465.0)}, "2022-01-20"), "corporate actions")
    assert [level for level, _ in alone] == ["warning", "note"]
    assert "distributed shares of 9618.HK on 2022-01-20" in alone[0][1]
    both = checks(tmp_path, {TENCENT: (480.0, 465.0), "9618.HK": (300.0, 300.0)}, "2022-01-20")
    assert [level for level, _ in said(both, "corporate actions")] == ["note"]


def test_a_run_that_outlasts_its_prices_warns(tmp_path: Path) -> None:
    for more_days, told in ((0, []), (30, ["warning"])):
        found = checks(tmp_path, {TENCENT: (600.0, 600.0)}, "2025-09-12", more_days=more_days)
        ended = [one for one in found if "before the run does" in one["message"]]
        assert [one["level"] for one in ended] == told
    assert "prices end on 2025-09-26, 18 sessions before" in ended[0]["message"]


def test_a_run_before_a_listing_warns(tmp_path: Path) -> None:
    found = said(checks(tmp_path, {"9660.HK": (4.0, 4.0)}, "2024-10-20"), "universe")
    assert found == [
        ("warning", "9660.HK was listed on 2024-10-24, after the run begins on 2024-10-06")
    ]


def test_chosen_thresholds_are_told(tmp_path: Path) -> None:
    prices = {BYD: (393.0, 393.0)}
    ((level, message),) = said(checks(tmp_path, prices, "2025-06-10"), "thresholds")
    assert level == "note"
    assert "long from 0.600, not in 1 of 2 folds; short to 0.400, not in 1 of 2 folds" in message
    fixed = '[decision]\nthreshold = "fixed"\n'
    assert not said(checks(tmp_path, prices, "2025-06-10", fixed), "thresholds")


def test_an_embargo_shorter_than_the_slowest_feature_is_a_warning(tmp_path: Path) -> None:
    prices = {BYD: (393.0, 393.0)}
    silent, kept = said(checks(tmp_path, prices, "2025-06-10"), "embargo")
    assert silent == ("warning", "says not how far it looks back, counted as nowhere: own")
    assert kept[0] == "ok"
    assert kept[1].startswith("61 sessions between training and test")
    stated = "[split]\nembargo_sessions = 5\n"
    _, short = said(checks(tmp_path, prices, "2025-06-10", stated), "embargo")
    assert short == ("warning", "stated as 5 sessions, but prices looks 61 sessions back")
    longer = "[split]\nembargo_sessions = 70\n"
    _, long = said(checks(tmp_path, prices, "2025-06-10", longer), "embargo")
    assert long[0] == "ok"


@pytest.mark.parametrize(
    ("embargo", "stories", "warned"),
    [("0", 0, True), ("2", 0, True), ("5", 0, False), ("0", 1, False), (None, 0, False)],
)
def test_a_story_that_nothing_keeps_out_of_training_and_test_is_a_warning(
    tmp_path: Path, embargo: str | None, stories: int, warned: bool
) -> None:
    split = f"[split]\nstory_sessions = {stories}\n"
    split += f"embargo_sessions = {embargo}\n" if embargo else ""
    found = said(checks(tmp_path, {BYD: (393.0, 393.0)}, "2025-06-10", split), "embargo")
    told = [(level, text) for level, text in found if "story" in text]
    assert [level for level, _ in told] == ["warning"] * warned
    if told:
        assert told[0][1].startswith(f"split.story_sessions = 0 and {embargo} sessions between")
