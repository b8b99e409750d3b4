"""The command line keeps its contract: JSON documents, exit codes, errors that place the fault."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from backtests.cli import app
from backtests.config import load_config
from backtests.gates import require_metrics

STORY = (
    '{"id": "a", "title": "Alibaba raises its outlook", "published_at": "2025-09-11T23:43+08:00"}'
)


def invoke(*arguments: str, stdin: str | bytes | None = None):
    return CliRunner().invoke(app, list(arguments), input=stdin)


def test_help_lists_every_command() -> None:
    shown = invoke("--help").output
    for name in ("run", "report", "events", "signals", "explain", "data", "config", "doctor"):
        assert name in shown


def test_run_prints_its_report_and_folder(small_config: Path, tmp_path: Path) -> None:
    result = invoke("run", str(small_config), "--out", str(tmp_path))
    assert result.exit_code == 0
    assert "Prediction quality" in result.stdout
    folder = next(path for path in tmp_path.iterdir() if path.is_dir())
    assert str(folder) in result.stdout.replace("\n", "")


@pytest.mark.parametrize("form", ["text", "md", "html"])
def test_a_run_says_which_names_and_languages_its_reading_left_out(
    small_run: Path, form: str
) -> None:
    checks = json.loads((small_run / "checks.json").read_text(encoding="utf-8"))
    assert {"ambiguous names", "languages"} <= {check["name"] for check in checks}
    result = invoke("report", str(small_run), "--format", form)
    for check in checks:
        if check["name"] in ("ambiguous names", "languages"):
            assert check["message"] in result.stdout


@pytest.mark.parametrize("form", ["text", "md", "html", "json"])
def test_a_report_can_be_printed_again(small_run: Path, form: str) -> None:
    result = invoke("report", str(small_run), "--format", form)
    assert result.exit_code == 0
    assert "Prediction" in result.stdout or "predictions" in result.stdout


def test_every_json_is_one_document(small_config: Path, small_run: Path) -> None:
    for arguments in (
        ("report", str(small_run), "--json"),
        ("config", "show", str(small_config), "--json"),
        ("config", "schema", "--json"),
        ("config", "check", str(small_config), "--json"),
        ("data", "check", str(small_config), "--json"),
        ("doctor", "--json"),
        ("lexicon", "check", "--json"),
        ("market", "lot", "1211", "--on", "2025-09-19", "--json"),
        ("signals", str(small_config), "--as-of", "2023-05-30T08:00:00+08:00", "--json"),
    ):
        result = invoke(*arguments)
        assert result.exit_code == 0, (arguments, result.output)
        json.loads(result.stdout)


def test_the_coming_session_is_decided_on_what_was_known(small_config: Path) -> None:
    result = invoke("signals", str(small_config), "--as-of", "2023-05-30T08:00:00+08:00", "--json")
    coming = json.loads(result.stdout)
    assert coming["session"] == "2023-05-30"
    assert coming["known_session"] == "2023-05-29"
    assert coming["as_of"] == "2023-05-30T00:00:00+00:00"
    assert all(signal["effective_session"] == "2023-05-30" for signal in coming["signals"])


def test_a_person_reads_hong_kong_time(small_config: Path, small_run: Path) -> None:
    as_of = "2023-05-30T00:00:00Z"
    assert "as of 2023-05-30 08:00:00 HKT" in invoke(
        "signals", str(small_config), "--as-of", as_of
    ).stdout.replace("\n", " ")
    assert " HKT  decision of the signal" in invoke("explain", str(small_run), "1").stdout
    assert re.search(r"instant +2023-05-30 08:00:00 HKT", invoke("market", "session", as_of).stdout)


def test_a_run_folder_that_is_none_is_answered_with_one_that_is(small_run: Path) -> None:
    for given, near in (
        (small_run.parent, str(small_run)),
        (small_run.with_name(small_run.name[:-1]), small_run.name),
    ):
        result = invoke("report", str(given), "--json")
        told = json.loads(result.stdout)
        assert (result.exit_code, told["given"], told["nearest"]) == (4, str(given), near)


def test_numbers_and_directions_are_written_as_in_reports(
    small_config: Path, small_run: Path
) -> None:
    shown = invoke("signals", str(small_config), "--as-of", "2023-05-30T08:00:00+08:00")
    assert re.search(r"Ticker +Direction +Probability +Expires", shown.stdout)
    assert re.search(r"\.HK +(up|down|none) +0\.\d{3} ", shown.stdout)
    trades = pd.read_csv(small_run / "trades.csv").set_index("trade_id")
    lost = trades["net_pnl_hkd"].idxmin()
    traced = " ".join(invoke("explain", str(small_run), str(lost)).stdout.split())
    assert f"{trades.loc[lost, 'shares']:,} shares" in traced
    assert f"net −{-trades.loc[lost, 'net_pnl_hkd']:,.2f} HKD" in traced
    assert re.search(r"signal [0-9a-f]{12}: (up|down|none), probability", traced)
    note = invoke("market", "note", "700", "--side", "buy", "--price", "500", "--shares", "100",
                  "--on", "2025-09-12")  # fmt: skip
    assert re.search(r"consideration_hkd +50,000\n", note.stdout)
    assert re.search(r"cash_hkd +−50,0\d\d\.\d", note.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "nowhere.toml"), 3, "no such config file"),
        (("run", "{config}", "--set", "labl.horizon=3"), 3, "label"),
        (("run", "{config}", "--set", "label.horizon=many"), 3, "'many'"),
        (("run", "{config}", "--set", "label.horizon"), 3, "key and value"),
        (("run", "{config}", "--set", 'universe=["0700"]'), 4, "universe"),
        (("run", "{config}", "--set", 'universe="hstec"'), 3, "hstech"),
        (("run", "{config}", "--set", 'universe=["NOPE"]'), 3, "NOPE"),
        (("run", "{config}", "--set", "benchmark=SYNT"), 3, "SYNTH"),
        (("run", "{config}", "--set", "strategy.name=event_hol"), 3, "event_hold"),
        (("run", "{config}", "--set", "strategy.name=nowhere:Class"), 3, "nowhere"),
        (("run", "{config}", "--set", "news.source=jsonl", "--set", "data_dir=nowhere"), 4, "data"),
        (("run", "{config}", "--fail-under", "risk.sharpe"), 2, "number"),
        (("run", "{config}", "--fail-under", "risk.sharpe=nan"), 2, "number"),
        (("run", "{config}", "--fail-under", "=1"), 2, "metric"),
        (("report", "nowhere"), 4, "no such run folder"),
        (("explain", "{finished}", "100000"), 4, "no such trade"),
        (("events", "nowhere.jsonl"), 4, "nowhere.jsonl"),
        (("market", "lot", "BABA", "--on", "2025-09-12"), 4, "nearest  9988.HK"),
        (("market", "session", "0001-01-01T00:00+08:00"), 2, "the years 1 to 9999"),
        (("market", "session", "2025-09-12", "--latency", "1e12"), 2, "86400"),
        (("data", "fetch", "700", "--start", "2025-03-30", "--end", "2025-01-01"), 2, "--end"),
        (("data", "import", "{config}", "--out", "/dev/null/x.parquet"), 4, "no format"),
        (("data", "import", "small.tml", "--out", "x.parquet"), 4, "prices.files.pattern"),
        (("market", "lot", "700", "--on", "2025-02-30"), 2, "2025-02-30"),
        (("frobnicate",), 2, "frobnicate"),
    ],
)
def test_a_mistake_is_placed_and_has_its_exit_code(
    small_config: Path,
    small_run: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    words = [word.format(config=small_config, finished=small_run) for word in arguments]
    if words[0] == "run":
        words += ["--out", str(tmp_path)]
    result = invoke(*words)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("gate", "nearest"),
    [
        ("risk.sharp=1", "risk.sharpe"),
        ("sharpe=1", "risk.sharpe"),
        ("predictions.model.acu=0.5", "predictions.model.auc"),
        ("baselines.buy_and_hld.cagr=0", "baselines.buy_and_hold.cagr"),
    ],
)
def test_a_gate_on_no_metric_is_refused_before_the_run(
    small_config: Path, tmp_path: Path, gate: str, nearest: str
) -> None:
    result = invoke("run", str(small_config), "--out", str(tmp_path), "--fail-under", gate)
    assert result.exit_code == 2
    assert f"nearest  {nearest}\n" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_metric_of_a_run_can_be_a_gate(small_config: Path, small_run: Path) -> None:
    metrics = json.loads((small_run / "metrics.json").read_text())
    names = [name for name, _ in numbers_of(metrics)]
    assert len(names) > 100
    require_metrics(dict.fromkeys(names, 0.0), load_config(small_config).config)


def numbers_of(metrics: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from numbers_of(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", value


def test_a_missed_gate_ends_with_six(small_config: Path, tmp_path: Path) -> None:
    result = invoke(
        "run", str(small_config), "--out", str(tmp_path), "--fail-under", "risk.sharpe=99"
    )
    assert result.exit_code == 6
    assert "missed its gate" in result.stderr


def test_a_place_that_cannot_be_written_is_no_traceback(small_config: Path) -> None:
    (small_config.parent / "prices.csv").write_text(
        "date,ticker,open,high,low,close,volume\n2025-09-12,700,1,1,1,1,1\n"
    )
    result = invoke("run", str(small_config), "--out", "/dev/null", "--json")
    assert (result.exit_code, json.loads(result.stdout)["given"]) == (4, "/dev/null/ledger.sqlite")
    out = ("--out", "/dev/null/x.parquet", "--json")
    result = invoke("data", "import", str(small_config.parent / "prices.csv"), *out)
    assert (result.exit_code, json.loads(result.stdout)["given"]) == (1, "/dev/null")
    assert result.stderr.startswith("error: cannot read or write: ")


def test_an_error_under_json_is_a_document_too() -> None:
    result = invoke("run", "nowhere.toml", "--json")
    assert json.loads(result.stdout)["error"] == "ConfigError"


def test_events_keep_order_and_lose_no_line() -> None:
    lines = [
        STORY,
        "{broken",
        "",
        '{"id": "b", "title": "x", "published_at": "2025-09-11T23:43:00"}',
        '{"id": "c", "title": "x", "published_at": "2025-02-30"}',
        '{"id": "d", "title": "", "published_at": "2025-09-11"}',
        STORY.replace('"a"', '"e"'),
    ]
    result = invoke("events", "-", stdin="\n".join(lines))
    assert result.exit_code == 4
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [document.get("id", document.get("where")) for document in found] == [
        "a",
        "stdin:2",
        "stdin:4",
        "stdin:5",
        "stdin:6",
        "e",
    ]
    assert "stdin:2" in result.stderr
    assert found[0]["events"][0]["tickers"] == ["9988.HK"]
    assert found[0]["events"][0]["kind"] == "guidance"


def test_events_are_the_same_for_any_number_of_jobs(tmp_path: Path) -> None:
    stories = [STORY.replace('"a"', f'"{number}"') for number in range(450)]
    path = tmp_path / "stories.jsonl"
    path.write_text("\n".join(stories), encoding="utf-8")
    alone, together = (invoke("events", str(path), "--jobs", jobs) for jobs in ("1", "2"))
    assert alone.exit_code == together.exit_code == 0
    assert alone.stdout == together.stdout
    assert len(alone.stdout.splitlines()) == 450


def test_a_plain_article_needs_its_clock(tmp_path: Path) -> None:
    article = tmp_path / "article.txt"
    article.write_text("Alibaba kauft eigene Aktien für 2 Mrd. USD zurück", encoding="utf-8")
    assert invoke("events", str(article)).exit_code == 2
    result = invoke("events", str(article), "--published-at", "2025-09-12", "--language", "de")
    event = json.loads(result.stdout)["events"][0]
    assert (event["kind"], event["amount"], event["currency"]) == ("buyback", 2e9, "USD")
    assert event["available_at"] == "2025-09-12T15:59:59.999999Z"
    clock = ("--published-at", "2025-09-12T08:30")
    assert invoke("events", str(article), *clock).exit_code == 2
    zoned = invoke("events", str(article), *clock, "--set", "news.zone=Asia/Hong_Kong")
    assert json.loads(zoned.stdout)["events"][0]["available_at"] == "2025-09-12T00:30:00Z"


def test_ctrl_c_ends_with_130_and_leaves_no_run_folder(small_config: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "backtests", "run", str(small_config), "--out", str(tmp_path)]
    # A new session: the signal must reach the run alone, as a terminal's would reach its group.
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        while not (tmp_path / "ledger.sqlite").exists() and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
