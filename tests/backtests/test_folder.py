"""A run folder: the same bytes each time, the same view back, clear errors where it is damaged."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests import columns
from backtests.folder import (
    CSV_TABLES,
    FORMAT,
    JSON_FILES,
    PARQUET_TABLES,
    read_run,
    replace_text,
    write_run,
)
from backtests.reports import html, markdown, text
from backtests.testing import HOSTILE_TITLE, sample_view
from markets.errors import DataError, MissingDataError


@pytest.fixture(scope="module")
def view():
    return sample_view(seed=1, titles=[HOSTILE_TITLE, "涨，跌"])


@pytest.fixture
def run(view, tmp_path):
    write_run(tmp_path / "run", view)
    return tmp_path / "run"


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    ("number", "given"),
    [(None, "no format number"), (FORMAT + 1, f"format {FORMAT + 1}"), ("x", "format x")],
)
def test_a_folder_of_another_format_says_so_before_anything_else(run, number, given):
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    assert manifest["format"] == FORMAT
    manifest["format"] = number
    path.write_text(json.dumps(manifest))
    (run / "trades.csv").write_text("another,layout\n")
    with pytest.raises(DataError, match="of another format") as refused:
        read_run(run)
    assert refused.value.given == given
    assert f"format {FORMAT}: run its config.resolved.toml again" in str(refused.value.wanted)


@pytest.mark.parametrize("sessions", [0, 1, 90])
def test_reading_gives_back_what_was_written_to_the_byte(sessions, tmp_path):
    written = sample_view(seed=3, sessions=sessions, titles=[HOSTILE_TITLE])
    write_run(tmp_path / "a", written)
    read = read_run(tmp_path / "a")
    write_run(tmp_path / "b", read)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    for name in (*CSV_TABLES, *PARQUET_TABLES):
        pd.testing.assert_frame_equal(getattr(read, name), getattr(written, name))
    assert html(dataclasses.replace(read, folder=None)) == html(written)
    assert markdown(read) == markdown(written)
    assert text(dataclasses.replace(read, folder=None)) == text(written)


def test_the_same_run_is_the_same_bytes(view, run, tmp_path):
    write_run(tmp_path / "again", sample_view(seed=1, titles=[HOSTILE_TITLE, "涨，跌"]))
    assert contents(run) == contents(tmp_path / "again")


def test_every_file_that_goes_missing_is_named(run):
    names = [f"{n}.csv" for n in CSV_TABLES] + [f"{n}.parquet" for n in PARQUET_TABLES]
    for name in [*names, *(f"{n}.json" for n in JSON_FILES), "config.resolved.toml"]:
        kept = (run / name).read_bytes()
        (run / name).unlink()
        with pytest.raises(MissingDataError, match="not there") as error:
            read_run(run)
        assert name in str(error.value)
        (run / name).write_bytes(kept)
    read_run(run)


@pytest.mark.parametrize(
    "name", ["metrics.json", "config.resolved.toml", "signals.parquet", "equity.csv", "trades.csv"]
)
def test_a_damaged_file_is_named(run, name):
    content = (run / name).read_bytes()
    (run / name).write_bytes(b"\xff{broken" + content[40:])
    with pytest.raises(DataError) as error:
        read_run(run)
    assert name in str(error.value)


def test_a_missing_column_names_the_nearest(run):
    (run / "fills.csv").write_text(
        (run / "fills.csv").read_text().replace("price_hkd", "price_hdk")
    )
    with pytest.raises(MissingDataError) as error:
        read_run(run)
    assert error.value.nearest == "price_hdk"


def test_no_folder_is_a_clear_error(tmp_path):
    with pytest.raises(MissingDataError, match="no such run folder"):
        read_run(tmp_path / "nowhere")


def test_a_nan_in_the_metrics_is_refused(view, tmp_path):
    broken = dataclasses.replace(view, metrics={"risk": {"sharpe": float("nan")}})
    with pytest.raises(DataError, match="no JSON"):
        write_run(tmp_path, broken)


def test_a_fraction_of_a_share_is_refused():
    table = pd.DataFrame({name: ["1"] for name in ("trade_id", "shares")})
    kinds = {"trade_id": "whole", "shares": "whole"}
    assert columns.typed(table, kinds, "t")["shares"].dtype == np.int64
    with pytest.raises(DataError, match="not a whole number"):
        columns.typed(table.assign(shares="1.5"), kinds, "t")


def test_columns_nobody_declared_are_kept(view):
    table = view.trades.assign(note="why")
    assert list(columns.typed(table, columns.TRADES, "t")["note"]) == ["why"] * len(table)


def test_numbers_written_as_text_are_rounded_once_and_have_no_minus_zero():
    table = pd.DataFrame({"cost_hkd": [0.1 + 0.2, -1e-9], "probability": [0.1 + 0.2, -1e-9]})
    made = columns.typed(table, {"cost_hkd": "hkd", "probability": "exact"}, "t")
    assert made["cost_hkd"].tolist() == [0.3, 0.0]
    assert not np.signbit(made["cost_hkd"].to_numpy()).any()
    assert made["probability"].tolist() == table["probability"].tolist()


def test_a_text_that_cannot_be_written_leaves_nothing_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, *text: object, **options: object) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "report.html"
    replace_text(path, "old")
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        replace_text(path, "new")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [(path.name, "old")]
