"""`newswake market …` as a user asks it: text, JSON, wrong input, a file of one's own."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from backtests.broker import BrokerSettings
from backtests.cli import app
from backtests.shorts import ShortSettings
from markets.designated import DesignatedList

NOTE = ["note", "9988", "--side", "buy", "--price", "151.10", "--shares", "100"]
ON = ["--on", "2025-09-12"]


def market(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["market", *arguments])


def answer(*arguments: str) -> dict[str, Any]:
    result = market(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def refusal(code: int, *arguments: str) -> dict[str, Any]:
    """Return the document of a refusal, which stands in text on stderr and never with a trace."""
    result = market(*arguments, "--json")
    assert (result.exit_code, "Traceback" in result.output) == (code, False), result.output
    assert result.stderr.startswith("error: ")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_contract_note_part_by_part() -> None:
    found = answer(*NOTE, *ON)
    parts = ("stamp_duty", "sfc_levy", "afrc_levy", "trading_fee", "settlement_fee")
    assert [found[f"{name}_hkd"] for name in parts] == [16.0, 0.41, 0.02, 0.85, 0.63]
    assert (found["consideration_hkd"], found["total_hkd"]) == (15_110.0, 17.91)
    text = market(*NOTE, *ON)
    assert text.exit_code == 0
    assert "total_hkd           17.91" in text.stdout
    assert answer(*NOTE, *ON, "--plan", "ibkr_hk_tiered")["total_hkd"] == 35.91


@pytest.mark.parametrize(
    ("changed", "code", "problem"),
    [
        ({1: "AAPL"}, 4, "no Hong Kong ticker"),
        ({1: "89988"}, 4, "a counter in another currency"),
        ({1: "0005"}, 4, "the board lot is not known"),
        ({5: "151.13"}, 4, "the price is not on a tick"),
        ({5: "much"}, 4, "not a price"),
        ({7: "150"}, 4, "an odd lot"),
        ({9: "2001-09-12"}, 4, "outside the calendar"),
        ({9: "2025-09-13"}, 4, "no session"),
        ({9: "12.9.2025"}, 2, "no such date"),
        ({11: "my_broker"}, 3, "no such broker plan"),
    ],
)
def test_an_order_that_cannot_be_is_refused(
    changed: dict[int, str], code: int, problem: str
) -> None:
    asked = [*NOTE, *ON, "--plan", "none"]
    for place, value in changed.items():
        asked[place] = value
    found = refusal(code, *asked)
    assert problem in found["problem"]
    assert next(iter(changed.values())) in found["given"]


@pytest.mark.parametrize(
    "arguments", [["note"], [*NOTE[:2], *ON], ["lot", "9988"], [*NOTE[:3], "hold", *NOTE[4:], *ON]]
)
def test_an_incomplete_question_is_a_mistake_of_usage(arguments: list[str]) -> None:
    assert market(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("instant", "status", "session", "at"),
    [
        ("2025-09-12T12:30:00+08:00", "lunch", "2025-09-12", "2025-09-12T05:00:00+00:00"),
        ("2025-09-12T17:00:00+08:00", "after_close", "2025-09-15", "2025-09-15T01:20:00+00:00"),
        ("2025-12-24T12:05:00+08:00", "closing_auction", "2025-12-29", "2025-12-29T01:20:00+00:00"),
        ("2023-09-01T10:00:00+08:00", "no_session", "2023-09-04", "2023-09-04T01:20:00+00:00"),
        ("2020-08-19T10:00:00+08:00", "before_open", "2020-08-19", "2020-08-19T05:30:00+00:00"),
        ("2022-11-02T14:30:00+08:00", "after_close", "2022-11-03", "2022-11-03T01:20:00+00:00"),
        ("2025-09-24T10:00:00+08:00", "open", "2025-09-24", "2025-09-24T02:01:00+00:00"),
    ],
)
def test_what_an_instant_can_still_trade(instant: str, status: str, session: str, at: str) -> None:
    found = answer("session", instant)
    assert (found["status"], found["tradable_session"]) == (status, session)
    assert found["tradable_at"] == at
    text = market("session", instant)
    assert text.exit_code == 0
    assert status in text.stdout


def test_latency_counts_and_a_naive_instant_does_not() -> None:
    instant = "2025-09-12T08:59:30+08:00"
    assert answer("session", instant)["effective_session"] == "2025-09-12"
    assert answer("session", instant, "--latency", "60")["effective_session"] == "2025-09-15"
    assert "needs its zone" in refusal(2, "session", "2025-09-12T08:59:30")["problem"]
    assert "outside the calendar" in refusal(4, "session", "1999-01-04T10:00:00Z")["problem"]
    assert market("session", instant, "--latency", "-1").exit_code == 2


def test_lots_ticks_and_members_by_date() -> None:
    assert answer("lot", "1211", "--on", "2025-09-18")["board_lot"] == 500
    assert answer("lot", "1211", "--on", "2025-09-19")["board_lot"] == 100
    assert answer("tick", "9988", "--price", "20.00", "--on", "2025-08-01")["tick_hkd"] == 0.02
    assert answer("tick", "9988", "--price", "30.00", "--on", "2025-08-04")["tick_hkd"] == 0.02
    assert answer("members", "hstech", "--on", "2020-07-27")["count"] == 30
    for asked in (["lot", "1211"], ["tick", "9988", "--price", "30"], ["members", "hstech"]):
        text = market(*asked, *ON)
        assert text.exit_code == 0
        assert asked[1] in text.stdout


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (["lot", "1211", "--on", "1999-01-04"], "no row is in force"),
        (["lot", "0005", "--on", "2025-09-12"], "not known"),
        (["tick", "9988", "--price", "30", "--on", "1999-01-04"], "no row is in force"),
        (["tick", "TSLA", "--price", "30", "--on", "2025-09-12"], "no Hong Kong ticker"),
        (["tick", "9988", "--price", "0", "--on", "2025-09-12"], "must be positive"),
        (["members", "hsi", "--on", "2025-09-12"], "not known"),
        (["members", "hstech", "--on", "2020-07-24"], "not yet launched"),
        (["actions", "MSFT"], "no Hong Kong ticker"),
    ],
)
def test_what_the_tables_do_not_know_is_said(asked: list[str], problem: str) -> None:
    assert problem in refusal(4, *asked)["problem"]


def own(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def lots(*rows: tuple[str, str, int], ticker: str = "9988") -> str:
    """Return [[lots]] rows of (valid_from, valid_to or nothing, shares)."""
    text = ""
    for start, end, shares in rows:
        text += f'[[lots]]\nticker = "{ticker}"\nvalid_from = {start}\nvalue = {shares}\n'
        text += f"valid_to = {end}\n" if end else ""
    return text


def test_a_users_own_lot_wins_where_it_holds(tmp_path: Path) -> None:
    path = own(tmp_path, lots(("2025-09-01", "2025-09-30", 50)))
    mine = ["--instruments", path]
    assert answer("lot", "9988", *ON, *mine)["board_lot"] == 50
    assert answer("lot", "9988", "--on", "2025-10-02", *mine)["board_lot"] == 100
    asked = [*NOTE[:-1], "150", *ON]
    assert answer(*asked, *mine)["board_lot"] == 50
    assert "odd lot" in refusal(4, *asked)["problem"]
    path = own(tmp_path, lots(("2020-01-01", "", 400), ticker="5"))
    assert answer("lot", "0005", *ON, "--instruments", path)["board_lot"] == 400


@pytest.mark.parametrize(
    ("text", "code", "problem", "where"),
    [
        (
            lots(("2025-01-01", "2025-06-30", 50), ("2025-06-30", "", 60)),
            4,
            "overlap",
            "2025-06-30",
        ),
        (lots(("2025-01-01", "2025-06-30", 50), ("2025-07-02", "", 60)), 4, "a gap", "2025-07-02"),
        (lots(("2025-01-01", "", 50), ("2025-01-01", "", 60)), 4, "same date", "2025-01-01"),
        (lots(("2025-01-01", "", 0)), 4, "no board lot", "lots row 1"),
        (lots(("2025-01-01", "2024-01-01", 50)), 4, "ends before it begins", "lots row 1"),
        (lots(("2025-01-01", "", 50), ticker="AAPL"), 4, "no Hong Kong ticker", "lots row 1"),
        ("[[lot]]\n", 4, "unknown table", "own.toml"),
        ("[[lots]\n", 4, "no TOML", "own.toml"),
    ],
)
def test_a_users_table_that_is_off_names_its_row(
    tmp_path: Path, text: str, code: int, problem: str, where: str
) -> None:
    path = own(tmp_path, text)
    found = refusal(code, "lot", "9988", *ON, "--instruments", path)
    assert problem in found["problem"]
    assert where in found["where"]


def test_a_missing_table_is_said() -> None:
    found = refusal(4, "lot", "9988", *ON, "--instruments", "nowhere.toml")
    assert found["where"] == "nowhere.toml"


def test_known_corporate_actions() -> None:
    found = answer("actions", "700")["actions"]
    assert [row["in_specie_ticker"] for row in found] == ["9618.HK", "3690.HK"]
    assert [row["in_specie_ratio"] for row in found] == ["1/21", "1/10"]
    assert "1211.HK on 2025-06-10: 3 shares for one" in market("actions").stdout
    assert market("actions", "9988").stdout == "none known\n"


def test_the_page_on_hong_kong_is_true(tmp_path: Path) -> None:
    """Its questions are answered, and its tables override what they say."""
    page = (Path(__file__).parents[2] / "docs" / "hong-kong.md").read_text(encoding="utf-8")
    questions = re.findall(r"^newswake market (.+)$", page, re.MULTILINE)
    assert len(questions) == 6
    for question in questions:
        assert market(*question.split()).exit_code == 0, question
    tables, plans, selling = re.findall(r"```toml\n(.+?)```", page, re.DOTALL)
    path = own(tmp_path, tables)
    assert answer("lot", "5", *ON, "--instruments", path)["board_lot"] == 400
    assert answer("lot", "9988", "--on", "2026-01-05", "--instruments", path)["board_lot"] == 50
    assert answer("members", "mine", *ON, "--instruments", path)["count"] == 2
    (tmp_path / "plans.toml").write_text(plans, encoding="utf-8")
    settings = BrokerSettings(costs="mine", costs_file=str(tmp_path / "plans.toml"))
    assert settings.schedule().plan.commission.minimum == 1_500
    (listed,) = re.findall(r"```csv\n(.+?)```", page, re.DOTALL)
    (tmp_path / "designated.csv").write_text(listed, encoding="utf-8")
    short = ShortSettings(**tomllib.loads(selling)["broker"]["short"])
    assert short.enabled
    assert short.designated is not None
    found = DesignatedList.read(tmp_path / Path(short.designated).name)
    assert found.has("99001.HK", date(2024, 3, 28))
    assert not found.has("99001.HK", date(2024, 3, 29))
